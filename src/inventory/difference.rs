//! What a change of the inventory does: added, changed, retired, renamed, and what gets weaker.

use super::definition::{ConsumerSpec, Definition};
use super::tally::Tally;
use keywheel_contract::{SecretId, Strength};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Old against new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Not there before.
    pub added: Vec<SecretId>,
    /// There before, with other values.
    pub changed: Vec<(SecretId, Vec<Change>)>,
    /// Not there any more.
    pub retired: Vec<SecretId>,
    /// Old and new id, by `formerly`.
    pub renamed: Vec<(SecretId, SecretId)>,
    /// Rules that ask for less than before.
    pub weakened: Vec<(SecretId, Weakening)>,
    /// How many become due by it; only the journal knows, so whoever asks it sets this.
    pub due_at_once: usize,
}

/// One value that differs. `None` where there is none on that side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key with those above it, such as `timing.every`.
    pub key: String,
    /// The old value.
    pub before: Option<String>,
    /// The new value.
    pub after: Option<String>,
}

/// A rule of a consumer that asks for less than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weakening {
    /// The consumer is gone.
    ConsumerRemoved {
        /// Its name.
        consumer: String,
    },
    /// Weaker evidence is accepted from it.
    ProofLowered {
        /// Its name.
        consumer: String,
        /// Asked for before.
        from: Strength,
        /// Asked for now.
        to: Strength,
    },
    /// Fewer instances need answer.
    FewerInstances {
        /// Its name.
        consumer: String,
        /// Asked for before.
        from: u32,
        /// Asked for now.
        to: u32,
    },
    /// Its issuer need not see the new credential used any more.
    UseDropped,
}

/// Compares two inventories.
pub fn difference(old: &[Definition], new: &[Definition]) -> Difference {
    let before = by_id(old);
    let after = by_id(new);
    let mut difference = Difference::default();
    let mut renamed_from = BTreeSet::new();
    for (id, definition) in &after {
        let former = definition.formerly.iter().find(|former| {
            before.contains_key(former) && !after.contains_key(former) && !before.contains_key(id)
        });
        let predecessor = before.get(former.unwrap_or(id));
        if let Some(former) = former {
            difference.renamed.push((former.clone(), (*id).clone()));
            renamed_from.insert(former);
        }
        match predecessor {
            Some(predecessor) => difference.compare(predecessor, definition),
            None => difference.added.push((*id).clone()),
        }
    }
    let gone = before
        .keys()
        .filter(|id| !after.contains_key(*id) && !renamed_from.contains(*id));
    difference.retired = gone.map(|id| (*id).clone()).collect();
    difference
}

/// A change that retires this many is held, however many there are.
const RETIRED_AT_MOST: usize = 20;
/// Or this share of all, as a divisor: 5 %.
const RETIRED_SHARE: usize = 20;

/// Why a change that retires so many must be held until a person allows it, if so. `total` counts the secrets
/// before the change.
/// A single retirement is never held.
pub fn must_be_held(retired: usize, total: usize) -> Option<String> {
    let many = retired > RETIRED_AT_MOST;
    let large_share = retired > 1 && retired * RETIRED_SHARE > total;
    (many || large_share).then(|| {
        format!(
            "retires {retired} of {total} secrets: held until it is applied with --allow-retire"
        )
    })
}

impl Difference {
    /// Whether both inventories say the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what differs in another file.
    pub fn extend(&mut self, other: Self) {
        self.added.extend(other.added);
        self.changed.extend(other.changed);
        self.retired.extend(other.retired);
        self.renamed.extend(other.renamed);
        self.weakened.extend(other.weakened);
        self.due_at_once += other.due_at_once;
    }

    fn compare(&mut self, old: &Definition, new: &Definition) {
        let changes = changes(old, new);
        if !changes.is_empty() {
            self.changed.push((new.id.clone(), changes));
        }
        if old.new_used && !new.new_used {
            let dropped = (new.id.clone(), Weakening::UseDropped);
            self.weakened.push(dropped);
        }
        for (name, consumer) in &old.consumers {
            let weaker = weakenings(name, (old, consumer), (new, new.consumers.get(name)));
            self.weakened
                .extend(weaker.into_iter().map(|weaker| (new.id.clone(), weaker)));
        }
    }
}

fn by_id(definitions: &[Definition]) -> BTreeMap<&SecretId, &Definition> {
    definitions
        .iter()
        .map(|definition| (&definition.id, definition))
        .collect()
}

fn weakenings(
    name: &str,
    (old, before): (&Definition, &ConsumerSpec),
    (new, after): (&Definition, Option<&ConsumerSpec>),
) -> Vec<Weakening> {
    let consumer = name.to_owned();
    let Some(after) = after else {
        return vec![Weakening::ConsumerRemoved { consumer }];
    };
    let from = before.proof.unwrap_or(old.timing.proof);
    let to = after.proof.unwrap_or(new.timing.proof);
    let proof = (to < from).then(|| Weakening::ProofLowered {
        consumer: consumer.clone(),
        from,
        to,
    });
    let instances = (after.instances < before.instances).then_some(Weakening::FewerInstances {
        consumer,
        from: before.instances,
        to: after.instances,
    });
    proof.into_iter().chain(instances).collect()
}

fn changes(old: &Definition, new: &Definition) -> Vec<Change> {
    if old == new {
        return Vec::new();
    }
    let (before, after) = (leaves(old), leaves(new));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    differing
        .map(|key| Change {
            key: key.clone(),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}

/// Keys that are no value of the secret: its name, and where it is written.
const NO_VALUES: [&str; 3] = ["id", "origin", "formerly"];

fn leaves(definition: &Definition) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    // Every part of a definition is plain data with text keys, which JSON always holds.
    if let Ok(Value::Object(object)) = serde_json::to_value(definition) {
        for (key, value) in object
            .iter()
            .filter(|(key, _)| !NO_VALUES.contains(&key.as_str()))
        {
            add_leaves(key, value, &mut leaves);
        }
    }
    leaves
}

fn add_leaves(above: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                add_leaves(&format!("{above}.{key}"), value, leaves);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            for (index, value) in values.iter().enumerate() {
                add_leaves(&format!("{above}[{index}]"), value, leaves);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            leaves.insert(above.to_owned(), text.clone());
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) => {
            leaves.insert(above.to_owned(), value.to_string());
        }
    }
}

/// As [`Tally`] says it.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tally = Tally::default();
        tally.add(self);
        tally.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{definitions, one_consumer, one_of_issuer};
    use super::{difference, must_be_held};

    #[test]
    fn the_same_twice_is_no_difference_even_when_lines_move() {
        let old = definitions(&[("a", &one_consumer("proven", 2))]);
        let moved = definitions(&[
            ("b", &one_consumer("proven", 2)),
            ("a", &one_consumer("proven", 2)),
        ]);
        assert!(difference(&old, &old).is_empty());
        let found = difference(&old, &moved);
        assert_eq!((found.added.len(), found.changed.len()), (1, 0));
        assert_eq!(difference(&old, &old).to_string(), "no difference");
    }

    #[test]
    fn what_gets_weaker_is_named_once_for_each_consumer() {
        let old = definitions(&[
            ("a", &one_consumer("proven", 6)),
            ("b", &one_consumer("proven", 1)),
        ]);
        let nobody = "no_consumers = \"nobody uses it\"".to_owned();
        let new = definitions(&[("a", &one_consumer("claimed", 2)), ("b", &nobody)]);
        let found = difference(&old, &new);
        assert_eq!(
            found.to_string(),
            "changes 2 · 1 proof weaker (proven -> claimed) · 1 consumer removed · 1 consumer with fewer instances"
        );
        let changes = &found.changed[0].1;
        let proof = changes
            .iter()
            .find(|change| change.key == "consumers.app.proof")
            .unwrap();
        assert_eq!(
            (proof.before.as_deref(), proof.after.as_deref()),
            (Some("proven"), Some("claimed"))
        );
    }

    #[test]
    fn a_use_that_need_not_be_seen_any_more_is_weaker() {
        let issuer = |keys: &str| {
            let (issuer, nobody) = (
                "kind = \"exec\", program = \"check-app\"",
                "no_consumers = \"example\"",
            );
            one_of_issuer(issuer, &format!("{nobody}\n{keys}"))
        };
        let (asked, not) = (issuer("new_used = true"), issuer(""));
        let said = difference(&asked, &not).to_string();
        assert_eq!(said, "changes 1 · 1 secret with `new_used` dropped");
        assert_eq!(difference(&not, &asked).to_string(), "changes 1");
    }

    #[test]
    fn formerly_makes_a_rename_and_still_compares() {
        let old = definitions(&[("a", &one_consumer("proven", 1))]);
        let renamed = format!("formerly = [\"a\"]\n{}", one_consumer("claimed", 1));
        let found = difference(&old, &definitions(&[("b", &renamed)]));
        assert_eq!(
            (found.added.len(), found.retired.len(), found.renamed.len()),
            (0, 0, 1)
        );
        assert_eq!(found.weakened.len(), 1);
    }

    #[test]
    fn a_change_that_retires_many_is_held_and_a_single_one_never() {
        for (retired, total, held) in [
            (1, 1, false),
            (1, 3, false),
            (1, 19, false),
            (2, 3, true),
            (2, 40, false),
            (3, 40, true),
            (20, 1_000, false),
            (21, 1_000, true),
            (0, 0, false),
        ] {
            assert_eq!(
                must_be_held(retired, total).is_some(),
                held,
                "{retired} of {total}"
            );
        }
    }
}
