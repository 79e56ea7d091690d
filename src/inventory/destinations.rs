//! Where a secret is published: stores found, paths filled in, templates understood.

use super::definition::{Destination, StoreSpec};
use super::issuer::FoundIssuer;
use super::kinds::STORE_KINDS;
use super::resolve::Resolver;
use super::template::Template;
use super::world::{unknown, unknown_name};
use crate::config::file::{Entry, Node, Problem, Table, check_settings, listed};
use std::collections::BTreeMap;

impl Resolver<'_> {
    /// Every destination, the main one first.
    pub(super) fn destinations(&mut self, issuer: &FoundIssuer) -> Vec<Destination> {
        let help =
            "say where: `publish_to = [{ store = \"main\", path = \"{environment}/{name}\" }]`";
        let Some(entry) = self.needed("publish_to", help) else {
            return Vec::new();
        };
        let nodes = entry.node.list().unwrap_or_default();
        if nodes.is_empty() && entry.node.list().is_some() {
            let problem = Problem::at(&entry.node.place, "`publish_to` names no destination");
            self.problem(Some(problem.help(help)));
        }
        let mut destinations: Vec<Destination> = Vec::new();
        for node in nodes {
            if let Some(destination) = node.table().map(|table| self.destination(table, issuer)) {
                if destinations.is_empty() {
                    self.problem(wrong_as_first(&destination, node));
                }
                if destinations
                    .iter()
                    .any(|other| other.name() == destination.name())
                {
                    let message = format!("`{}` is named twice", destination.name());
                    let problem = Problem::at(&node.place, message);
                    self.problem(Some(
                        problem.help("put all fields of one path into one `fields`"),
                    ));
                }
                destinations.push(destination);
            }
        }
        destinations
    }

    fn destination(&mut self, table: &Table, issuer: &FoundIssuer) -> Destination {
        let fields = self.fields(table, issuer);
        if let Some(node) = table.node("proof_field") {
            let name = node.text().unwrap_or_default();
            if !fields.contains_key(name) {
                let known = fields.keys().map(String::as_str);
                self.problem(Some(unknown_name("field", name, node, known)));
            }
        }
        let store = self.store(table);
        let needs_fields = STORE_KINDS
            .kind(&store.kind)
            .is_some_and(|kind| kind.needs_fields);
        if let (true, true, Some(node)) = (needs_fields, fields.is_empty(), table.node("store")) {
            let message = format!("a place in `{}` needs `field` or `fields`", store.name);
            self.problem(Some(Problem::at(&node.place, message)));
        }
        Destination {
            store,
            path: self.path(table),
            selector: table.string("selector"),
            proof_field: table
                .string("proof_field")
                .or_else(|| secret_field(&fields, issuer)),
            fields,
        }
    }

    fn store(&mut self, table: &Table) -> StoreSpec {
        let known = &self.around.scope.stores;
        let name = table.text("store").unwrap_or_default();
        if let Some(node) = table.node("store") {
            self.problem(unknown("store", node, known));
        }
        let mut spec = self.around.scope.store(name);
        if let (true, Some(selector)) = (selects(&spec.kind), table.string("selector")) {
            spec.options.insert("selector".to_owned(), selector.into());
        }
        self.try_out_store(&spec);
        self.store_addresses(&spec);
        spec
    }

    pub(super) fn store_addresses(&mut self, spec: &StoreSpec) {
        let known = &self.around.scope.stores;
        if let Some((kind, own)) = STORE_KINDS.kind(&spec.kind).zip(known.table(&spec.name)) {
            self.addresses(kind, own);
        }
    }

    /// Settings of the wrong type are told where the store is written; only where there are none, the provider
    /// is asked.
    pub(super) fn try_out_store(&mut self, spec: &StoreSpec) {
        let known = &self.around.scope.stores;
        let Some((kind, own)) = STORE_KINDS.kind(&spec.kind).zip(known.table(&spec.name)) else {
            return;
        };
        let fits = check_settings(own, kind).is_empty();
        let refused = fits.then(|| (kind.try_out)(&spec.options)).flatten();
        let at = known.node(&spec.name).map(|node| node.place.clone());
        let problem = refused.zip(at);
        self.problem(
            problem.map(|(why, at)| Problem::at(&at, format!("store `{}`: {why}", spec.name))),
        );
    }

    fn path(&mut self, table: &Table) -> String {
        let Some(node) = table.node("path") else {
            return String::new();
        };
        let path = self.filled(node.text().unwrap_or_default());
        if path.contains(['{', '}']) {
            let problem = Problem::at(&node.place, "a path has no placeholder of this name");
            self.problem(Some(
                problem.help("in paths there are `{environment}` and `{name}`"),
            ));
        }
        path
    }

    fn fields(&mut self, table: &Table, issuer: &FoundIssuer) -> BTreeMap<String, String> {
        if let (Some(_), Some(fields)) = (table.entry("field"), table.entry("fields")) {
            let message = "`field` and `fields` exclude each other";
            self.problem(Some(Problem::at(&fields.key, message)));
        }
        if let (Some(field), Some(node)) = (table.text("field"), table.node("field")) {
            self.problem(wrong_name("value", node, issuer));
            return BTreeMap::from([(field.to_owned(), "{value}".to_owned())]);
        }
        let mut fields = BTreeMap::new();
        for (name, entry) in table.entries("fields") {
            if let Some(text) = entry.node.text() {
                self.template(entry, text, issuer);
                fields.insert(name.to_owned(), text.to_owned());
            }
        }
        fields
    }

    fn template(&mut self, entry: &Entry, text: &str, issuer: &FoundIssuer) {
        match Template::parse(text) {
            Err(error) => self.problem(Some(Problem::at(&entry.node.place, error.to_string()))),
            Ok(template) => {
                let wrong = template
                    .names()
                    .filter_map(|name| wrong_name(name, &entry.node, issuer));
                self.resolved.problems.extend(wrong);
            }
        }
    }
}

/// What is in use is read at the first place.
fn wrong_as_first(destination: &Destination, node: &Node) -> Option<Problem> {
    let (kind, name) = (&destination.store.kind, &destination.store.name);
    let sink = STORE_KINDS.kind(kind).is_some_and(|kind| kind.sink);
    sink.then(|| {
        let message =
            format!("store `{name}` never shows what it holds, so that it cannot come first");
        Problem::at(&node.place, message).help(
            "name another place before it: that tells which value is in use, and this one follows",
        )
    })
}

/// Where credentials have fields that are no secret: the first that shows something else of the new one.
fn secret_field(fields: &BTreeMap<String, String>, issuer: &FoundIssuer) -> Option<String> {
    let public = issuer.kind?.public_fields;
    let shows_it = |text: &str| {
        let template = Template::parse(text).ok();
        template.is_some_and(|template| {
            let mut names = template.names();
            names.any(|name| !name.starts_with("previous.") && !public.contains(&name))
        })
    };
    let mut fields = fields.iter().filter(|_| !public.is_empty());
    let found = fields.find(|(_, text)| shows_it(text));
    found.map(|(name, _)| name.clone())
}

/// Whether what a store of this kind can do depends on how its readers choose a version: a place's own word decides.
fn selects(kind: &str) -> bool {
    let keys = STORE_KINDS.kind(kind).map(|kind| kind.keys);
    let mut keys = keys.unwrap_or_default().iter();
    keys.any(|key| key.name == "selector")
}

/// The problem that credentials of this issuer have no such field, if so.
fn wrong_name(name: &str, node: &Node, issuer: &FoundIssuer) -> Option<Problem> {
    let field = name.strip_prefix("previous.").unwrap_or(name);
    let known = issuer.fields();
    if known.is_empty() || known.contains(&field) {
        return None;
    }
    let kind = &issuer.spec.kind;
    let message = format!("a credential of `{kind}` has no field `{field}`");
    let fields = listed(known);
    Some(Problem::at(&node.place, message).help(format!("it has {fields}")))
}
