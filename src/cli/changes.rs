//! What `inventory diff` says below its summary: each secret that differs, and each rule that asks for less.

use crate::inventory::{Difference, Weakening};

/// One line for each difference; retired secrets and weaker rules last, where they are read.
pub(super) fn lines(difference: &Difference) -> Vec<String> {
    let mut lines: Vec<String> = difference
        .added
        .iter()
        .map(|id| format!("+ {id}"))
        .collect();
    for (id, changes) in &difference.changed {
        lines.extend(changes.iter().map(|change| {
            let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (before, after) = (side(&change.before), side(&change.after));
            format!("~ {id}  {}: {before} -> {after}", change.key)
        }));
    }
    let renamed = difference.renamed.iter();
    lines.extend(renamed.map(|(old, new)| format!("= {old} is now {new}")));
    lines.extend(difference.retired.iter().map(|id| format!("- {id}")));
    let weakened = difference.weakened.iter();
    lines.extend(weakened.map(|(id, weaker)| format!("! {id}  {}", weakening(weaker))));
    lines
}

fn weakening(weaker: &Weakening) -> String {
    match weaker {
        Weakening::ConsumerRemoved { consumer } => format!("consumer {consumer} is removed"),
        Weakening::ProofLowered { consumer, from, to } => {
            format!("{consumer}: proof {} -> {}", from.word(), to.word())
        }
        Weakening::UseDropped => {
            "its issuer need not see the new credential used any more".to_owned()
        }
        Weakening::FewerInstances { consumer, from, to } => {
            format!("{consumer}: instances {from} -> {to}")
        }
    }
}
