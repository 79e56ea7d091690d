//! Who makes the credential, and the rules for values that only their consumers honour.

use super::definition::{ConsumerSpec, Destination, IssuerSpec};
use super::kinds::ISSUER_KINDS;
use super::resolve::Resolver;
use super::world::unknown_name;
use crate::config::file::{Kind, Place, Problem, Table, check_settings};
use keywheel_schedules::{Span, Timing};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An issuer that was found.
pub(super) struct FoundIssuer {
    pub(super) spec: IssuerSpec,
    /// `None` where the kind is unknown, which is reported elsewhere.
    pub(super) kind: Option<&'static Kind>,
    /// Names of its credentials' fields that follow from its settings.
    told: Vec<String>,
    /// Whether it dates the last use of a credential.
    pub(super) dates_use: bool,
    /// Where it is written.
    pub(super) at: Option<Place>,
}

impl Resolver<'_> {
    /// The issuer of this secret.
    pub(super) fn issuer(&mut self) -> FoundIssuer {
        let help =
            "say who makes it: `issuer = { kind = \"random\" }` or `issuer = { use = \"name\" }`";
        let entry = self.needed("issuer", help);
        let table = entry.and_then(|entry| entry.node.table());
        let (Some(entry), Some(table)) = (entry, table) else {
            return FoundIssuer::nobody();
        };
        let mut found = match table.node("use") {
            None => FoundIssuer::inline(table),
            Some(node) => {
                let known = &self.around.scope.issuers;
                let name = node.text().unwrap_or_default();
                match known.table(name) {
                    Some(base) => FoundIssuer::used(name, base, table),
                    None => {
                        self.problem(Some(unknown_name("issuer", name, node, known.names())));
                        FoundIssuer::nobody()
                    }
                }
            }
        };
        if let Some(program) = table.node("program") {
            self.program(program);
        }
        self.fill(&mut found.spec.options);
        self.settings(table, &mut found, &entry.node.place);
        self.issuer_addresses(table, &found);
        found.at = Some(entry.node.place.clone());
        found
    }

    /// Settings of the wrong type are reported one by one; only where there are none, the provider is asked.
    fn settings(&mut self, own: &Table, found: &mut FoundIssuer, at: &Place) {
        let Some(kind) = found.kind else {
            return;
        };
        let base = own
            .text("use")
            .and_then(|name| self.around.scope.issuers.table(name));
        let wrong = check_settings(own, kind);
        let fits =
            wrong.is_empty() && base.is_none_or(|base| check_settings(base, kind).is_empty());
        self.resolved.problems.extend(wrong);
        if !fits {
            return;
        }
        let refused = (kind.try_out)(&found.spec.options);
        let follows = (kind.follows)(&found.spec.options, &self.around.config.packs);
        let refused = refused.or(follows.as_ref().err().cloned());
        self.problem(
            refused.map(|why| Problem::at(at, format!("issuer `{}`: {why}", found.spec.name))),
        );
        if let Ok(Some(follows)) = follows {
            for (key, address) in &follows.addresses {
                let at = own.node(key).map_or(at, |node| &node.place);
                self.problem(self.wrong_to_show(address, &follows.vendor_hosts, at));
            }
            found.told = follows.fields;
            found.dates_use |= follows.dates_use;
            let options = &mut found.spec.options;
            if let (Some(text), false) =
                (follows.instructions, options.contains_key("instructions"))
            {
                options.insert("instructions".to_owned(), text.into());
            }
        }
    }

    /// Those of the secret's own table, and those of the table that it uses.
    fn issuer_addresses(&mut self, own: &Table, found: &FoundIssuer) {
        let Some(kind) = found.kind else {
            return;
        };
        let known = &self.around.scope.issuers;
        let base = own.text("use").and_then(|name| known.table(name));
        for table in std::iter::once(own).chain(base) {
            self.addresses(kind, table);
        }
    }

    fn fill(&self, options: &mut Map<String, Value>) {
        for value in options.values_mut() {
            if let Value::String(text) = value {
                *text = self.filled(text);
            }
        }
    }

    /// Nobody but its consumers honours a generated value, so "both stay valid" needs their help.
    pub(super) fn generated(
        &mut self,
        issuer: &FoundIssuer,
        destinations: &[Destination],
        consumers: &BTreeMap<String, ConsumerSpec>,
    ) {
        let (Some(kind), Some(at)) = (issuer.kind, &issuer.at) else {
            return;
        };
        if !kind.generated || self.layered.table.entry("in_place").is_some() {
            return;
        }
        if destinations.iter().any(Destination::shows_previous) {
            self.roles(destinations, consumers);
        } else {
            let message = "a generated value without the previous one beside it breaks its consumers when it changes";
            self.problem(Some(Problem::at(at, message).help(
                "publish `{previous.value}` in a field for consumers that accept both, or say `in_place = \"why\"`",
            )));
        }
    }

    /// What was made with the old credential is used for a while after the last proof: that long it must be honoured.
    pub(super) fn covered(&mut self, issuer: &FoundIssuer, timing: Option<&Timing>) {
        let (Some(kind), Some(timing), Some(at)) = (issuer.kind, timing, &issuer.at) else {
            return;
        };
        let Some(key) = kind.overlap_covers else {
            return;
        };
        let text = issuer.spec.options.get(key).and_then(Value::as_str);
        // One that cannot be read is told where each setting is checked.
        let life = text.and_then(|text| text.parse::<Span>().ok());
        if let Some(life) = life.filter(|life| timing.overlap.millis() < life.millis()) {
            let message = format!(
                "`overlap` is shorter than `{key}` of issuer `{}`",
                issuer.spec.name
            );
            let help = format!(
                "say `timing = {{ overlap = \"{life}\" }}`, or take a schedule with a longer one"
            );
            self.problem(Some(Problem::at(at, message).help(help)));
        }
    }

    fn roles(&mut self, destinations: &[Destination], consumers: &BTreeMap<String, ConsumerSpec>) {
        use super::definition::Role;
        for (name, consumer) in consumers {
            let Some(at) = self.consumer_place(name) else {
                continue;
            };
            let reads = consumer.reads.as_deref();
            let read = match reads {
                Some(name) => destinations
                    .iter()
                    .find(|destination| destination.name() == name),
                None => destinations.first(),
            };
            let sees_previous = read.is_none_or(Destination::shows_previous);
            let problem = match consumer.role {
                None => Some(
                    Problem::at(
                        &at,
                        format!("consumer `{name}` of a generated value has no `role`"),
                    )
                    .help(
                        "`accepts` takes old and new side by side, `presents` shows it to others",
                    ),
                ),
                Some(Role::Accepts) if !sees_previous => Some(Problem::at(
                    &at,
                    format!(
                        "consumer `{name}` accepts old and new, but reads no field with `{{previous.value}}`"
                    ),
                )),
                Some(Role::Accepts | Role::Presents) => None,
            };
            self.problem(problem);
        }
    }

    pub(super) fn consumer_place(&self, name: &str) -> Option<Place> {
        let consumers = self.layered.table.table("consumers")?;
        consumers.entry(name).map(|entry| entry.key.clone())
    }
}

impl FoundIssuer {
    fn nobody() -> Self {
        Self {
            spec: spec("", "", Map::new()),
            kind: None,
            told: Vec::new(),
            dates_use: false,
            at: None,
        }
    }

    /// Names of its credentials' fields; none where only the issuer knows them.
    pub(super) fn fields(&self) -> Vec<&str> {
        let written = self.spec.options.get("fields").and_then(Value::as_array);
        match (written, self.kind) {
            _ if !self.told.is_empty() => self.told.iter().map(String::as_str).collect(),
            (Some(written), _) => written.iter().filter_map(Value::as_str).collect(),
            (None, Some(kind)) => kind.fields.to_vec(),
            (None, None) => Vec::new(),
        }
    }

    fn inline(table: &Table) -> Self {
        let kind = table.text("kind").unwrap_or_default();
        Self::new(kind, kind, table.json())
    }

    /// An issuer's table with the secret's own settings on top.
    fn used(name: &str, base: &Table, own: &Table) -> Self {
        let mut options = base.json();
        options.extend(own.json());
        Self::new(name, base.text("kind").unwrap_or_default(), options)
    }

    fn new(name: &str, kind: &str, mut options: Map<String, Value>) -> Self {
        options.remove("kind");
        options.remove("use");
        let standby = options.remove("standby");
        let mut spec = spec(name, kind, options);
        spec.standby = standby
            .and_then(|count| u32::try_from(count.as_u64()?).ok())
            .unwrap_or_default();
        let kind = ISSUER_KINDS.kind(kind);
        Self {
            spec,
            kind,
            told: Vec::new(),
            dates_use: kind.is_some_and(|kind| kind.dates_use),
            at: None,
        }
    }
}

fn spec(name: &str, kind: &str, options: Map<String, Value>) -> IssuerSpec {
    IssuerSpec {
        name: name.to_owned(),
        kind: kind.to_owned(),
        options,
        standby: 0,
    }
}
