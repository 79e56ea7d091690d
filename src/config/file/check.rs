//! A tree against a table of keys: unknown keys, wrong types, literal credentials, all at once.

#[cfg(feature = "http")]
use super::literal::is_surely_one;
use super::literal::{is_named_like_one, looks_like_one};
use super::{Entry, Key, Keys, Kind, Kinded, Node, Place, Problem, Shape, Table, Tree};
use super::{did_you_mean, listed};
use keywheel_schedules::Span;
use std::collections::BTreeSet;

/// Everything wrong with a table. `at` is where missing keys are reported.
pub(crate) fn check(table: &Table, keys: &Keys, at: &Place) -> Vec<Problem> {
    let mut check = Check::default();
    check.keys(table, keys, at);
    check.problems
}

/// Everything wrong with settings beside `kind` or `use`, once it is known which provider is meant.
pub(crate) fn check_settings(table: &Table, kind: &Kind) -> Vec<Problem> {
    const CHOICE: &[Key] = &[
        Key::new("kind", Shape::Text, "which provider"),
        Key::new("use", Shape::Text, "which table"),
    ];
    let mut check = Check::default();
    check.known(table, &[kind.keys, CHOICE]);
    check.problems
}

/// Sorts problems by place and tells each once. Where a literal secret stands, nothing else is told: another
/// message might repeat it as an unknown name.
pub(crate) fn told_once(mut problems: Vec<Problem>) -> Vec<Problem> {
    let place = |problem: &Problem| (problem.file.clone(), problem.line, problem.column);
    let is_literal = |problem: &&Problem| problem.help.as_deref() == Some(BY_REFERENCE);
    let literals: BTreeSet<_> = problems.iter().filter(is_literal).map(place).collect();
    problems.retain(|problem| is_literal(&problem) || !literals.contains(&place(problem)));
    problems.sort();
    problems.dedup();
    problems
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn keys(&mut self, table: &Table, keys: &Keys, at: &Place) {
        self.known(table, keys.keys);
        self.missing(table, keys.iter(), at);
        self.one_of(table, keys, at);
    }

    /// Checks every value whose key one of the lists has, and reports the other keys.
    fn known(&mut self, table: &Table, lists: &[&'static [Key]]) {
        for (name, entry) in table.iter() {
            let known = || lists.iter().flat_map(|keys| keys.iter());
            match known().find(|key| key.name == name) {
                Some(key) => self.value(name, &entry.node, &key.shape),
                None => self.unknown(name, entry, known().map(|key| key.name)),
            }
        }
    }

    fn unknown<'a>(&mut self, name: &str, entry: &Entry, known: impl Iterator<Item = &'a str>) {
        if entry.node.text().is_some() && is_named_like_one(name) {
            return self.literal(name, &entry.node.place);
        }
        let problem = Problem::at(&entry.key, format!("unknown key `{name}`"));
        self.problems
            .push(problem.maybe_help(did_you_mean(name, known)));
    }

    fn missing(&mut self, table: &Table, keys: impl Iterator<Item = &'static Key>, at: &Place) {
        for key in keys {
            if key.needed && table.entry(key.name).is_none() {
                let problem = Problem::at(at, format!("`{}` is missing", key.name));
                self.problems.push(problem.help(key.about));
            }
        }
    }

    fn one_of(&mut self, table: &Table, keys: &Keys, at: &Place) {
        let present = keys.one_of.iter().filter(|key| table.entry(key).is_some());
        if !keys.one_of.is_empty() && present.count() != 1 {
            let choices = listed(keys.one_of.iter().copied());
            let message = format!("{} needs exactly one of {choices}", keys.title);
            self.problems.push(Problem::at(at, message));
        }
    }

    fn value(&mut self, name: &str, node: &Node, shape: &Shape) {
        match (shape, &node.tree) {
            (Shape::Text, Tree::Text(text)) => self.text(name, text, node),
            (Shape::Date, Tree::Text(_) | Tree::Date(_)) => {}
            (Shape::Plain, Tree::Text(_)) | (Shape::Flag, Tree::Flag(_)) => {}
            (Shape::Count, Tree::Whole(number)) if u32::try_from(*number).is_ok_and(|n| n > 0) => {}
            (Shape::Words(words), Tree::Text(text)) => self.word(name, text, words, node),
            (Shape::Span, Tree::Text(text)) if text.parse::<Span>().is_ok() => {}
            (Shape::Reference, Tree::Table(table)) => self.keys(table, &REFERENCE, &node.place),
            (Shape::Reference, Tree::Text(_)) => self.literal(name, &node.place),
            (Shape::List(of), Tree::List(nodes)) => {
                nodes.iter().for_each(|node| self.value(name, node, of));
            }
            (Shape::Table(keys), Tree::Table(table)) => self.keys(table, keys, &node.place),
            (Shape::Named(of), Tree::Table(table)) => self.named(table, of),
            (Shape::Pairs(of), Tree::Table(table)) => {
                table
                    .iter()
                    .for_each(|(key, entry)| self.value(key, &entry.node, of));
            }
            (Shape::Kinded(kinded), Tree::Table(table)) => self.kinded(table, kinded, node),
            (Shape::Any, _) => self.any(name, node),
            #[cfg(feature = "http")]
            (Shape::Settings, Tree::Table(table)) => self.settings(table),
            _ => self.wrong(name, node, shape),
        }
    }

    fn text(&mut self, name: &str, text: &str, node: &Node) {
        // A template such as `{value}` is how a credential is meant to be written.
        if is_named_like_one(name) && !text.contains('{') {
            self.literal(name, &node.place);
        } else if looks_like_one(text) {
            let problem = Problem::at(
                &node.place,
                format!("`{name}` holds what looks like a credential"),
            );
            self.problems.push(problem.help(BY_REFERENCE));
        }
    }

    fn word(&mut self, name: &str, text: &str, words: &'static [&'static str], node: &Node) {
        if !words.contains(&text) {
            let message = format!("`{name}` must be one of {}", listed(words.iter().copied()));
            self.problems.push(Problem::at(&node.place, message));
        }
    }

    fn named(&mut self, table: &Table, of: &Shape) {
        for (name, entry) in table.iter() {
            if is_name(name) {
                self.value(name, &entry.node, of);
            } else {
                self.problems.push(not_a_name(name, &entry.key));
            }
        }
    }

    fn kinded(&mut self, table: &Table, kinded: &Kinded, node: &Node) {
        match (table.entry("kind"), table.entry("use")) {
            (None, Some(_)) if kinded.by_use => self.by_use(table),
            (Some(kind), None) => self.by_kind(table, kind, kinded),
            (Some(_), Some(entry)) => {
                let message = "`kind` and `use` exclude each other";
                self.problems.push(Problem::at(&entry.key, message));
            }
            (None, _) => {
                let choice = if kinded.by_use {
                    "`kind` or `use`"
                } else {
                    "`kind`"
                };
                let problem = Problem::at(&node.place, format!("{choice} is missing"));
                self.problems.push(problem.help(kinds_help(kinded)));
            }
        }
    }

    /// The other keys are checked by whoever finds the issuer, so only literals are looked for here.
    fn by_use(&mut self, table: &Table) {
        for (name, entry) in table.iter() {
            match name {
                "use" => self.value(name, &entry.node, &Shape::Text),
                _ => self.any(name, &entry.node),
            }
        }
    }

    fn by_kind(&mut self, table: &Table, kind: &Entry, kinded: &Kinded) {
        const KIND: &[Key] = &[Key::needed("kind", Shape::Text, "which provider")];
        match kind.node.text() {
            None => self.wrong("kind", &kind.node, &Shape::Text),
            Some(name) => match kinded.kind(name) {
                Some(found) => {
                    self.known(table, &[KIND, found.keys]);
                    self.missing(table, found.keys.iter(), &kind.key);
                }
                None => {
                    let problem = Problem::at(&kind.node.place, format!("unknown kind `{name}`"));
                    let known = kinded.kinds.iter().map(|kind| kind.name);
                    self.problems
                        .push(problem.maybe_help(did_you_mean(name, known)));
                }
            },
        }
    }

    fn any(&mut self, name: &str, node: &Node) {
        match &node.tree {
            Tree::Text(text) => self.text(name, text, node),
            Tree::List(nodes) => nodes.iter().for_each(|node| self.any(name, node)),
            Tree::Table(table) => {
                table
                    .iter()
                    .for_each(|(key, entry)| self.any(key, &entry.node));
            }
            Tree::Whole(_) | Tree::Real(_) | Tree::Flag(_) | Tree::Date(_) => {}
        }
    }

    /// Ids look random; only what is surely a credential is told.
    #[cfg(feature = "http")]
    fn settings(&mut self, table: &Table) {
        for (name, entry) in table.iter() {
            let text = entry.node.text();
            if text.is_some() && is_named_like_one(name) || text.is_some_and(is_surely_one) {
                self.literal(name, &entry.node.place);
            }
        }
    }

    fn wrong(&mut self, name: &str, node: &Node, shape: &Shape) {
        if node.text().is_some() && is_named_like_one(name) {
            return self.literal(name, &node.place);
        }
        let message = format!("`{name}` must be {}", expected(shape));
        self.problems.push(Problem::at(&node.place, message));
    }

    fn literal(&mut self, name: &str, place: &Place) {
        let problem = Problem::at(place, format!("`{name}` holds a literal secret"));
        self.problems.push(problem.help(BY_REFERENCE));
    }
}

const BY_REFERENCE: &str =
    "keep the value out of the file: `{ env = \"NAME\" }` or `{ file = \"path\" }`";

/// A reference to a credential of keywheel's own.
pub(super) static REFERENCE: Keys = Keys {
    title: "a reference to a credential",
    keys: &[&[
        Key::new("env", Shape::Plain, "an environment variable of the daemon"),
        Key::new("file", Shape::Plain, "a file, read at each use"),
    ]],
    one_of: &["env", "file"],
};

fn kinds_help(kinded: &Kinded) -> String {
    let kinds = listed(kinded.kinds.iter().map(|kind| kind.name));
    format!("{}: the kinds are {kinds}", kinded.title)
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Plain | Shape::Words(_) => "a text",
        Shape::Flag => "true or false",
        Shape::Count => "a whole number from 1 up",
        Shape::Span => "a length of time such as \"90s\", \"24h\" or \"30d\"",
        Shape::Date => "a date such as 2026-12-31",
        Shape::Reference => "a reference: `{ env = \"NAME\" }` or `{ file = \"path\" }`",
        Shape::List(_) => "a list",
        Shape::Table(_) | Shape::Named(_) | Shape::Pairs(_) | Shape::Kinded(_) => "a table",
        Shape::Any => "anything",
        #[cfg(feature = "http")]
        Shape::Settings => "a table",
    }
}

/// The problem that a name has characters a name may not have.
pub(crate) fn not_a_name(name: &str, at: &Place) -> Problem {
    let rule = "use letters, digits, `.`, `_` and `-`, and begin with a letter or digit";
    Problem::at(at, format!("`{name}` is not a name")).help(rule)
}

/// Whether a person may choose this as a name.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed)
}
