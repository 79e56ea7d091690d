//! A change of the inventory in numbers: what is left of the differences of a thousand files.

use super::difference::{Difference, Weakening};
use keywheel_contract::Strength;
use std::collections::BTreeSet;
use std::fmt;

/// How much differs. Its text is one line:
/// `retires 2 · 14 due at once · 1 proof weaker (proven -> delivered) · 1 consumer removed`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Secrets that were not there before.
    pub added: usize,
    /// Secrets with other values.
    pub changed: usize,
    /// Secrets with another id.
    pub renamed: usize,
    /// Secrets that are not there any more.
    pub retired: usize,
    /// Secrets that become due by it.
    pub due_at_once: usize,
    /// Consumers of which weaker evidence is accepted.
    pub lowered: usize,
    /// From which evidence to which.
    pub steps: BTreeSet<(Strength, Strength)>,
    /// Consumers that are gone.
    pub removed: usize,
    /// Consumers of which fewer instances need answer.
    pub fewer: usize,
    /// Secrets whose issuer need not see the new credential used any more.
    pub unused: usize,
}

impl Tally {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a difference in.
    pub fn add(&mut self, difference: &Difference) {
        self.added += difference.added.len();
        self.changed += difference.changed.len();
        self.renamed += difference.renamed.len();
        self.retired += difference.retired.len();
        self.due_at_once += difference.due_at_once;
        for (_, weakening) in &difference.weakened {
            self.weaken(weakening);
        }
    }

    fn weaken(&mut self, weakening: &Weakening) {
        match weakening {
            Weakening::ConsumerRemoved { .. } => self.removed += 1,
            Weakening::FewerInstances { .. } => self.fewer += 1,
            Weakening::UseDropped => self.unused += 1,
            Weakening::ProofLowered { from, to, .. } => {
                self.lowered += 1;
                self.steps.insert((*from, *to));
            }
        }
    }

    fn steps(&self) -> String {
        let steps = self.steps.iter();
        let steps = steps.map(|(from, to)| format!("{} -> {}", from.word(), to.word()));
        steps.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let consumers = |count: usize| format!("{count} consumer{}", plural(count));
        let parts = [
            (self.added, format!("adds {}", self.added)),
            (self.changed, format!("changes {}", self.changed)),
            (self.renamed, format!("renames {}", self.renamed)),
            (self.retired, format!("retires {}", self.retired)),
            (
                self.due_at_once,
                format!("{} due at once", self.due_at_once),
            ),
            (
                self.lowered,
                format!(
                    "{} proof{} weaker ({})",
                    self.lowered,
                    plural(self.lowered),
                    self.steps()
                ),
            ),
            (self.removed, format!("{} removed", consumers(self.removed))),
            (
                self.fewer,
                format!("{} with fewer instances", consumers(self.fewer)),
            ),
            (
                self.unused,
                format!(
                    "{} secret{} with `new_used` dropped",
                    self.unused,
                    plural(self.unused)
                ),
            ),
        ];
        let told = parts.into_iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told.map(|(_, text)| text).collect();
        match told.is_empty() {
            true => f.write_str("no difference"),
            false => f.write_str(&told.join(" · ")),
        }
    }
}
