//! Which secrets are meant: ids, globs and filters. Pure, but for one walk over the journal.

use crate::journal::{Result, Tx, secrets};
use std::collections::BTreeSet;

/// Rows read at a time.
const PAGE: i64 = 5_000;

/// What was asked for. Names are alternatives; each filter narrows further.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ids, or globs with `*` and `?`.
    pub names: Vec<String>,
    /// Key of the owner.
    pub owner: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// A label.
    pub tag: Option<String>,
    /// Key of a store that it is published to.
    pub store: Option<String>,
    /// Key of its issuer.
    pub issuer: Option<String>,
}

/// What a walk over the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// Ids in order.
    pub ids: Vec<String>,
    /// Names without a match, each with the nearest id.
    pub unknown: Vec<(String, Option<String>)>,
}

impl Selection {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an id is one of the names; so is every id where none are given.
    pub fn names_id(&self, id: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| matches(name, id))
    }

    /// Whether the filters that stand in the secret's own row let it through. Tags are surrounded by spaces.
    pub fn lets_through(&self, environment: &str, owner: &str, tags: &str) -> bool {
        let is =
            |asked: &Option<String>, found: &str| asked.as_ref().is_none_or(|asked| asked == found);
        let tagged = self
            .tag
            .as_ref()
            .is_none_or(|tag| tags.split_whitespace().any(|one| one == tag));
        is(&self.environment, environment) && is(&self.owner, owner) && tagged
    }

    /// Whether the definition has to be asked as well.
    pub fn asks_definition(&self) -> bool {
        self.store.is_some() || self.issuer.is_some()
    }

    /// Whether store and issuer are those asked for.
    pub fn uses(&self, uses: &secrets::Uses) -> bool {
        let store = self
            .store
            .as_ref()
            .is_none_or(|store| uses.stores.contains(store));
        let issuer = self
            .issuer
            .as_ref()
            .is_none_or(|issuer| *issuer == uses.issuer);
        store && issuer
    }

    /// Walks over the journal page by page: every secret in service that is meant.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn walk(&self, tx: &mut Tx) -> Result<Selected> {
        let mut walk = Walk::new(self);
        let mut after = String::new();
        loop {
            let page = secrets::labels(tx, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for label in &page {
                walk.see(label);
            }
        }
        let mut selected = walk.done();
        if self.asks_definition() {
            selected.ids = self.using(tx, selected.ids).await?;
        }
        Ok(selected)
    }

    async fn using(&self, tx: &mut Tx, ids: Vec<String>) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        for chunk in ids.chunks(500) {
            let uses = secrets::uses(tx, chunk).await?;
            let found = chunk
                .iter()
                .filter(|id| uses.get(*id).is_some_and(|uses| self.uses(uses)));
            kept.extend(found.cloned());
        }
        Ok(kept)
    }
}

/// Names matched so far, and the nearest id of each that was not.
struct Walk<'a> {
    selection: &'a Selection,
    ids: Vec<String>,
    met: BTreeSet<&'a str>,
    nearest: Vec<Option<(f64, String)>>,
}

/// Below this two names are not mistaken for each other.
const ALIKE: f64 = 0.75;

impl<'a> Walk<'a> {
    fn new(selection: &'a Selection) -> Self {
        Self {
            selection,
            ids: Vec::new(),
            met: BTreeSet::new(),
            nearest: vec![None; selection.names.len()],
        }
    }

    fn see(&mut self, label: &secrets::Label) {
        let mut named = self.selection.names.is_empty();
        for (name, nearest) in self.selection.names.iter().zip(&mut self.nearest) {
            if matches(name, &label.id) {
                named = true;
                self.met.insert(name);
            } else if !self.met.contains(name.as_str()) {
                keep_nearer(nearest, name, &label.id);
            }
        }
        let selection = self.selection;
        if named && selection.lets_through(&label.environment, &label.owner, &label.tags) {
            self.ids.push(label.id.clone());
        }
    }

    fn done(self) -> Selected {
        let unmet = self
            .selection
            .names
            .iter()
            .zip(self.nearest)
            .filter(|(name, _)| !self.met.contains(name.as_str()));
        Selected {
            ids: self.ids,
            unknown: unmet
                .map(|(name, nearest)| (name.clone(), nearest.map(|(_, id)| id)))
                .collect(),
        }
    }
}

/// An id is like a name when either all of it, or its part after the environment, is.
fn keep_nearer(nearest: &mut Option<(f64, String)>, name: &str, id: &str) {
    let short = id.split_once('/').map_or(id, |(_, short)| short);
    let alike = strsim::jaro_winkler(name, id).max(strsim::jaro_winkler(name, short));
    if alike >= ALIKE && nearest.as_ref().is_none_or(|(best, _)| alike > *best) {
        *nearest = Some((alike, id.to_owned()));
    }
}

/// Whether a glob of `*` (any characters) and `?` (one) is this text.
pub fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(one) if *one == '?' || *one == text[t] => {
                g += 1;
                t += 1;
            }
            _ => {
                let Some((back, taken)) = star else {
                    return false;
                };
                star = Some((back, taken + 1));
                g = back + 1;
                t = taken + 1;
            }
        }
    }
    glob[g..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use super::{Selection, Walk, matches};
    use crate::journal::secrets::{Label, Uses};

    fn label(id: &str, owner: &str, tags: &str) -> Label {
        let environment = id
            .split_once('/')
            .map_or("", |(environment, _)| environment);
        Label {
            id: id.to_owned(),
            environment: environment.to_owned(),
            owner: owner.to_owned(),
            tags: tags.to_owned(),
        }
    }

    fn walked(selection: &Selection) -> (Vec<String>, Vec<(String, Option<String>)>) {
        let mut walk = Walk::new(selection);
        walk.see(&label("production/orders-db", "orders", " pci "));
        walk.see(&label("production/orders-token", "orders", " "));
        walk.see(&label("staging/orders-db", "sre", " pci "));
        let selected = walk.done();
        (selected.ids, selected.unknown)
    }

    #[test]
    fn globs() {
        for (glob, text, is) in [
            ("production/*", "production/a", true),
            ("production/*", "staging/a", false),
            ("*/orders-*", "staging/orders-db", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*db*x", "a-db-b-db-x", true),
            ("", "a", false),
            ("a*", "a", true),
        ] {
            assert_eq!(matches(glob, text), is, "{glob} {text}");
        }
    }

    #[test]
    fn names_are_alternatives_and_filters_narrow() {
        let selection = Selection {
            names: vec!["production/*".into(), "staging/orders-db".into()],
            tag: Some("pci".into()),
            ..Selection::default()
        };
        let (ids, unknown) = walked(&selection);
        assert_eq!(ids, ["production/orders-db", "staging/orders-db"]);
        assert_eq!(unknown, []);
    }

    #[test]
    fn a_name_without_a_match_is_told_with_the_nearest_id() {
        let names = vec!["orders-tokn".into(), "production/*".into(), "zzzzzz".into()];
        let selection = Selection {
            names,
            ..Selection::default()
        };
        let (ids, unknown) = walked(&selection);
        assert_eq!(ids.len(), 2);
        let near = Some("production/orders-token".to_owned());
        assert_eq!(
            unknown,
            [("orders-tokn".into(), near), ("zzzzzz".into(), None)]
        );
    }

    #[test]
    fn store_and_issuer_are_those_of_the_definition() {
        let uses = Uses {
            issuer: "random".into(),
            stores: vec!["main".into()],
        };
        let by_store = |store: &str| Selection {
            store: Some(store.into()),
            ..Selection::default()
        };
        assert!(by_store("main").uses(&uses) && by_store("main").asks_definition());
        assert!(!by_store("other").uses(&uses));
    }
}
