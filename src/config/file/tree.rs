//! A parsed file: every key and value with its place.
//!
//! No `Debug`: a person may have written a literal secret, which is about to be refused.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Relative to `keywheel.toml`.
    pub(crate) file: Arc<str>,
    /// Counted from one.
    pub(crate) line: u32,
    /// In characters, counted from one.
    pub(crate) column: u32,
}

impl Place {
    /// The beginning of a file: where a missing key is reported.
    pub(crate) fn start(file: &str) -> Self {
        Self {
            file: Arc::from(file),
            line: 1,
            column: 1,
        }
    }
}

/// A value.
#[derive(Clone)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) tree: Tree,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum Tree {
    /// A string.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A TOML date or time, as written.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table, however it is written.
    Table(Table),
}

/// A table, in the order of its keys.
#[derive(Clone, Default)]
pub(crate) struct Table(BTreeMap<String, Entry>);

/// A key with its value.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Where the key is written.
    pub(crate) key: Place,
    /// Its value.
    pub(crate) node: Node,
}

impl Node {
    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.tree {
            Tree::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.tree {
            Tree::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// As JSON; dates become text.
    pub(crate) fn json(&self) -> Value {
        match &self.tree {
            Tree::Text(text) | Tree::Date(text) => Value::from(text.as_str()),
            Tree::Whole(number) => Value::from(*number),
            Tree::Real(number) => Value::from(*number),
            Tree::Flag(flag) => Value::from(*flag),
            Tree::List(nodes) => nodes.iter().map(Node::json).collect(),
            Tree::Table(table) => Value::Object(table.json()),
        }
    }
}

impl Table {
    /// The key and its value.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    /// The value of a key.
    pub(crate) fn node(&self, key: &str) -> Option<&Node> {
        self.0.get(key).map(|entry| &entry.node)
    }

    /// The text of a key, if it has one.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.node(key).and_then(Node::text)
    }

    /// The text of a key, as an own string.
    pub(crate) fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    /// The texts of a list; empty where there is none.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let nodes = self.node(key).and_then(Node::list).unwrap_or_default();
        let texts = nodes.iter().filter_map(Node::text);
        texts.map(str::to_owned).collect()
    }

    /// Whether a key is there and true.
    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(
            self.node(key).map(|node| &node.tree),
            Some(Tree::Flag(true))
        )
    }

    /// The number of a key, if it has one that fits.
    pub(crate) fn count(&self, key: &str) -> Option<u32> {
        match self.node(key).map(|node| &node.tree) {
            Some(Tree::Whole(number)) => u32::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The table of a key, if it has one.
    pub(crate) fn table(&self, key: &str) -> Option<&Table> {
        self.node(key).and_then(Node::table)
    }

    /// Keys and values of the table under a key; none where there is no such table.
    pub(crate) fn entries(&self, key: &str) -> impl Iterator<Item = (&str, &Entry)> {
        self.table(key).into_iter().flat_map(Table::iter)
    }

    /// Every key with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(key, entry)| (key.as_str(), entry))
    }

    /// The keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Adds or replaces a key.
    pub(crate) fn insert(&mut self, key: impl Into<String>, entry: Entry) {
        self.0.insert(key.into(), entry);
    }

    /// Takes a key away.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        self.0.remove(key)
    }

    /// As a JSON object.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let pairs = self
            .iter()
            .map(|(key, entry)| (key.to_owned(), entry.node.json()));
        pairs.collect()
    }
}
