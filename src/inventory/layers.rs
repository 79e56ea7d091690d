//! Layers of an entry, last wins: `keywheel.toml`, environment, team file, template, secret; and below all of
//! them, for `timing`, the schedule.

use crate::config::file::{Entry, Node, Table, Tree};

/// Keys that exclude each other: an upper layer's one takes away a lower layer's other.
const EXCLUSIVE: [(&str, &str); 4] = [
    ("every", "cron"),
    ("cron", "every"),
    ("consumers", "no_consumers"),
    ("no_consumers", "consumers"),
];

/// Tables of an entry that are put together key by key; every other value replaces.
const BY_KEY: [&str; 2] = ["timing", "consumers"];

/// Puts layers together, the last one on top.
pub(crate) fn merged<'a>(layers: impl IntoIterator<Item = &'a Table>) -> Table {
    let mut result = Table::default();
    for layer in layers {
        for (key, entry) in layer.iter() {
            lay(&mut result, key, entry, BY_KEY.contains(&key));
        }
    }
    result
}

/// The schedule below, an entry's `timing` on top.
pub(crate) fn merged_timing(schedule: &Table, timing: Option<&Table>) -> Table {
    let mut result = schedule.clone();
    result.remove("replaces");
    for (key, entry) in timing.into_iter().flat_map(Table::iter) {
        lay(&mut result, key, entry, false);
    }
    result
}

fn lay(result: &mut Table, key: &str, entry: &Entry, by_key: bool) {
    for (upper, lower) in EXCLUSIVE {
        if key == upper {
            result.remove(lower);
        }
    }
    let below = result.remove(key).filter(|_| by_key);
    let entry = match (below, entry.node.table()) {
        (Some(below), Some(above)) => on_top(below, entry, above, key == "consumers"),
        _ => entry.clone(),
    };
    result.insert(key, entry);
}

/// One table over another. The consumers in a table of consumers are themselves put together key by key.
fn on_top(below: Entry, entry: &Entry, above: &Table, nested: bool) -> Entry {
    let Tree::Table(mut table) = below.node.tree else {
        return entry.clone();
    };
    for (key, inner) in above.iter() {
        lay(&mut table, key, inner, nested);
    }
    Entry {
        key: entry.key.clone(),
        node: Node {
            place: entry.node.place.clone(),
            tree: Tree::Table(table),
        },
    }
}
