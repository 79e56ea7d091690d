//! What a team file says that concerns other files, in eight bytes each: enough to see that something may be
//! wrong between two files without reading the one that did not change.
//!
//! Two names with one mark are only a suspicion: whoever finds one reads every file and tells exactly.

use super::definition::Definition;
use super::names::claimed;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeSet;

/// The marks of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Ids that it defines.
    pub ids: Vec<u64>,
    /// What nobody else may have: former ids, and every field of every place.
    pub claims: Vec<u64>,
    /// Ids that have to be somewhere.
    pub needs: Vec<u64>,
}

impl Marks {
    /// Of what a file defines.
    pub(super) fn of(definitions: &[Definition]) -> Self {
        let mut marks = Self::default();
        for definition in definitions {
            marks.ids.push(mark(&[definition.id.as_str()]));
            let formers = definition.formerly.iter();
            marks
                .claims
                .extend(formers.map(|former| mark(&[former.as_str()])));
            // A secret may claim one field twice, so each counts once.
            let fields: BTreeSet<u64> = claimed(definition)
                .iter()
                .map(|(_, key)| mark(&key.each_ref().map(String::as_str)))
                .collect();
            marks.claims.extend(fields);
            let neighbours = definition.timing.apart_from.iter();
            let environment = definition.id.environment();
            marks
                .needs
                .extend(neighbours.map(|name| mark(&[&format!("{environment}/{name}")])));
        }
        marks
    }

    /// Adds those of another file.
    pub fn extend(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.claims.extend(other.claims);
        self.needs.extend(other.needs);
    }
}

/// The mark of an id, as [`Marks::ids`] has it.
pub fn mark_of(id: &str) -> u64 {
    mark(&[id])
}

/// The first eight bytes of a hash: the same in every version of this program, unlike the standard library's.
fn mark(parts: &[&str]) -> u64 {
    let text = parts.join("\0");
    let hash = digest(&SHA256, text.as_bytes());
    let bytes = hash.as_ref().iter().take(8);
    bytes.fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// What is known of all files together while they go by.
#[derive(Debug, Default)]
pub struct Crowd {
    /// Of the files that changed: ids and claims, in order once `settle` was called.
    taken: Vec<u64>,
    ids: Vec<u64>,
    needs: BTreeSet<u64>,
    suspicious: bool,
}

impl Crowd {
    /// Adds a file that changed.
    pub fn add(&mut self, marks: Marks) {
        self.taken.extend(&marks.ids);
        self.taken.extend(marks.claims);
        self.ids.extend(marks.ids);
        self.needs.extend(marks.needs);
    }

    /// To be called once, after every changed file and before the others.
    pub fn settle(&mut self) {
        self.taken.sort_unstable();
        self.ids.sort_unstable();
        self.suspicious |= self.taken.windows(2).any(|pair| pair[0] == pair[1]);
        let ids = &self.ids;
        self.needs.retain(|need| ids.binary_search(need).is_err());
    }

    /// Compares a file that did not change with those that did.
    pub fn meet(&mut self, marks: &Marks) {
        let mut claimed = marks.ids.iter().chain(&marks.claims);
        self.suspicious |= claimed.any(|mark| self.taken.binary_search(mark).is_ok());
        let open = marks.needs.iter().filter(|need| !self.has(**need));
        self.needs.extend(open.copied().collect::<Vec<_>>());
    }

    /// Whether a changed file defines this id.
    pub fn has(&self, id: u64) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Whether somebody needs an id that no changed file has: then [`Crowd::find`] has to see the others again.
    pub fn seeks(&self) -> bool {
        !self.needs.is_empty()
    }

    /// Looks for needed ids in a file that did not change.
    pub fn find(&mut self, marks: &Marks) {
        for id in &marks.ids {
            self.needs.remove(id);
        }
    }

    /// Whether two files may contradict each other.
    pub fn is_suspicious(&self) -> bool {
        self.suspicious || self.seeks()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::definitions;
    use super::{Crowd, Marks};

    const NOBODY: &str = "no_consumers = \"example\"";

    fn marks(name: &str, more: &str) -> Marks {
        Marks::of(&definitions(&[(name, &format!("{NOBODY}\n{more}"))]))
    }

    fn suspicious(changed: &[&Marks], others: &[&Marks]) -> bool {
        let mut crowd = Crowd::default();
        for marks in changed {
            crowd.add((*marks).clone());
        }
        crowd.settle();
        others.iter().for_each(|marks| crowd.meet(marks));
        others.iter().for_each(|marks| crowd.find(marks));
        crowd.is_suspicious()
    }

    #[test]
    fn files_that_do_not_meet_are_not_suspicious() {
        let (a, b) = (marks("a", ""), marks("b", "formerly = [\"old\"]"));
        assert!(!suspicious(&[&a, &b], &[]));
        assert!(!suspicious(&[&a], &[&b]));
    }

    #[test]
    fn an_id_or_a_place_twice_is_found_whichever_file_changed() {
        let (a, was_a) = (marks("a", ""), marks("b", "formerly = [\"a\"]"));
        assert!(suspicious(&[&a, &a], &[]));
        assert!(suspicious(&[&a], &[&a]));
        assert!(suspicious(&[&a], &[&was_a]));
        assert!(suspicious(&[&was_a], &[&a]));
    }

    #[test]
    fn a_neighbour_has_to_be_in_some_file() {
        let both = definitions(&[
            (
                "a",
                &format!("{NOBODY}\ntiming = {{ apart_from = [\"b\"] }}"),
            ),
            ("b", NOBODY),
        ]);
        let (a, b) = (Marks::of(&both[..1]), Marks::of(&both[1..]));
        assert!(!suspicious(&[&a, &b], &[]));
        assert!(!suspicious(&[&a], &[&b]));
        assert!(!suspicious(&[&b], &[&a]));
        // The file with `b` changed or went, and `a` still names it.
        assert!(suspicious(&[&marks("c", "")], &[&a]));
        assert!(suspicious(&[&a], &[&marks("c", "")]));
    }
}
