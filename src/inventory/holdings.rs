//! What a store holds beside what the inventory says of it. Pure.

use super::definition::{Definition, Destination, StoreSpec};
use super::kinds::STORE_KINDS;
use keywheel_contract::{Listed, SecretId};
use std::collections::{BTreeMap, BTreeSet};

/// On which side something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The store holds it, and no entry publishes to it.
    NotInInventory,
    /// An entry publishes to it, and the store does not hold it.
    NotInStore,
    /// Another system rotates it.
    NativelyManaged,
    /// On both sides.
    Known,
}

impl Side {
    /// The word that tables and JSON print.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotInInventory => "not_in_inventory",
            Self::NotInStore => "not_in_store",
            Self::NativelyManaged => "natively_managed",
            Self::Known => "known",
        }
    }
}

/// One secret of a store, of the inventory, or of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// On which side.
    pub side: Side,
    /// Where, without values. Of a store whose places hold many secrets, `fields` is the one that this is about.
    pub listed: Listed,
    /// The entry that publishes to it.
    pub id: Option<SecretId>,
    /// That entry's owner.
    pub owner: Option<String>,
    /// Fields of the same place that no entry names.
    pub unnamed: Vec<String>,
}

impl Holding {
    /// Whether a person should look at it: it is on one side only, or two systems mean to rotate it.
    pub fn is_finding(&self) -> bool {
        match self.side {
            Side::NotInInventory | Side::NotInStore => true,
            Side::NativelyManaged => self.id.is_some(),
            Side::Known => false,
        }
    }
}

/// Brings both sides together: findings first, each group by path. `definitions` are those of every environment, as
/// several may share a store; what is missing in it is told of this environment only.
pub fn holdings(
    environment: &str,
    store: &StoreSpec,
    listed: Vec<Listed>,
    definitions: &[Definition],
) -> Vec<Holding> {
    let shares = STORE_KINDS
        .kind(&store.kind)
        .is_some_and(|kind| kind.shares_places);
    let entries = Entries::of(store, definitions, shares);
    let held = listed.into_iter().flat_map(|one| split(one, shares));
    let mut seen = BTreeSet::new();
    let mut all: Vec<Holding> = held
        .map(|one| {
            seen.insert(spot(&one, shares));
            entries.holding(one, shares)
        })
        .collect();
    all.extend(entries.missing(environment, &seen));
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    all
}

fn order(holding: &Holding) -> (Side, &str, &[String]) {
    (holding.side, &holding.listed.path, &holding.listed.fields)
}

/// A path, and the field where each is a secret of its own.
type Spot = (String, Option<String>);

fn spot(listed: &Listed, shares: bool) -> Spot {
    let field = listed.fields.first().filter(|_| shares);
    (listed.path.clone(), field.cloned())
}

/// One for each secret of a place.
fn split(listed: Listed, shares: bool) -> Vec<Listed> {
    if !shares || listed.fields.is_empty() {
        return vec![listed];
    }
    let one = |field: &String| Listed {
        fields: vec![field.clone()],
        ..listed.clone()
    };
    listed.fields.iter().map(one).collect()
}

/// The entries that publish to a store, by what they publish to.
struct Entries<'a>(BTreeMap<Spot, Vec<(&'a Definition, &'a Destination)>>);

impl<'a> Entries<'a> {
    fn of(store: &StoreSpec, definitions: &'a [Definition], shares: bool) -> Self {
        let mut all = Self(BTreeMap::new());
        for definition in definitions {
            for destination in &definition.destinations {
                if is_same(&destination.store, store) {
                    all.add(definition, destination, shares);
                }
            }
        }
        all
    }

    fn add(&mut self, definition: &'a Definition, destination: &'a Destination, shares: bool) {
        let fields = destination.fields.keys().cloned().map(Some);
        let fields: Vec<_> = match shares {
            true => fields.collect(),
            false => vec![None],
        };
        for field in fields {
            let spot = (destination.path.clone(), field);
            let entries = self.0.entry(spot).or_default();
            entries.push((definition, destination));
        }
    }

    fn holding(&self, listed: Listed, shares: bool) -> Holding {
        let found = self.0.get(&spot(&listed, shares));
        let entries = found.map(Vec::as_slice).unwrap_or_default();
        let first = entries.first().map(|(definition, _)| *definition);
        let side = match (&listed.natively_managed_by, first) {
            (Some(_), _) => Side::NativelyManaged,
            (None, Some(_)) => Side::Known,
            (None, None) => Side::NotInInventory,
        };
        Holding {
            side,
            unnamed: unnamed(&listed, entries),
            id: first.map(|definition| definition.id.clone()),
            owner: first.map(|definition| definition.owner.clone()),
            listed,
        }
    }

    fn missing(&self, environment: &str, seen: &BTreeSet<Spot>) -> Vec<Holding> {
        let unseen = self.0.iter().filter(|(spot, _)| !seen.contains(*spot));
        let pairs = unseen.flat_map(|((path, field), entries)| {
            let entries = entries.iter();
            entries.map(move |(definition, destination)| (path, field, *definition, *destination))
        });
        let ours = pairs.filter(|(_, _, definition, _)| definition.id.environment() == environment);
        ours.map(|(path, field, definition, destination)| {
            let fields = destination.fields.keys().cloned();
            Holding {
                side: Side::NotInStore,
                listed: Listed {
                    path: path.clone(),
                    fields: field
                        .clone()
                        .map_or_else(|| fields.collect(), |one| vec![one]),
                    ..Listed::default()
                },
                id: Some(definition.id.clone()),
                owner: Some(definition.owner.clone()),
                unnamed: Vec::new(),
            }
        })
        .collect()
    }
}

/// The same settings are the same store, whatever it is called, and whichever version a destination chooses there.
fn is_same(one: &StoreSpec, other: &StoreSpec) -> bool {
    let settings = |spec: &'_ StoreSpec| {
        let mut settings = spec.options.clone();
        settings.remove("selector");
        settings
    };
    one.kind == other.kind && settings(one) == settings(other)
}

/// Fields of a place in the inventory that no entry names; none where one takes the whole content.
fn unnamed(listed: &Listed, entries: &[(&Definition, &Destination)]) -> Vec<String> {
    let takes_all = |(_, destination): &(&Definition, &Destination)| destination.fields.is_empty();
    if entries.is_empty() || entries.iter().any(takes_all) {
        return Vec::new();
    }
    let named = |field: &&String| {
        let mut destinations = entries.iter().map(|(_, destination)| destination);
        destinations.any(|destination| destination.fields.contains_key(*field))
    };
    let fields = listed.fields.iter().filter(|field| !named(field));
    fields.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::definitions;
    use super::{Holding, Side, holdings};
    use crate::inventory::{Definition, StoreSpec};
    use keywheel_contract::Listed;
    use serde_json::Map;

    fn entry(name: &str, path: &str, field: &str) -> Definition {
        let mut made = definitions(&[(name, "no_consumers = \"example\"")]).remove(0);
        let destination = &mut made.destinations[0];
        destination.path = path.to_owned();
        let field = Some(field).filter(|field| !field.is_empty());
        destination.fields = field
            .map(|field| (field.to_owned(), "{value}".to_owned()))
            .into_iter()
            .collect();
        made
    }

    fn listed(path: &str, fields: &[&str]) -> Listed {
        Listed {
            path: path.to_owned(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            ..Listed::default()
        }
    }

    fn said(all: &[Holding]) -> Vec<String> {
        let line = |one: &Holding| {
            let id = one.id.as_ref().map_or("-", |id| id.name());
            format!(
                "{} {}:{} {id}",
                one.side.word(),
                one.listed.path,
                one.listed.fields.join("+")
            )
        };
        all.iter().map(line).collect()
    }

    #[test]
    fn each_side_is_told_and_findings_come_first() {
        let entries = [entry("a", "prod/a", ""), entry("gone", "prod/gone", "")];
        let store = entries[0].destinations[0].store.clone();
        let mut native = listed("prod/db", &[]);
        native.natively_managed_by = Some("a rotation function".to_owned());
        let held = vec![
            listed("prod/a", &[]),
            native,
            listed("prod/new", &["X", "Y"]),
        ];
        let found = holdings("production", &store, held, &entries);
        assert_eq!(
            said(&found),
            [
                "not_in_inventory prod/new:X+Y -",
                "not_in_store prod/gone: gone",
                "natively_managed prod/db: -",
                "known prod/a: a"
            ]
        );
        assert_eq!(found.iter().filter(|one| one.is_finding()).count(), 2);
    }

    #[test]
    fn another_environment_answers_for_what_it_misses() {
        let entries = [entry("gone", "prod/gone", "")];
        let store = entries[0].destinations[0].store.clone();
        assert_eq!(holdings("staging", &store, Vec::new(), &entries), []);
    }

    #[test]
    fn a_known_place_tells_the_fields_that_nobody_names() {
        let entries = [entry("a", "prod/a", "A")];
        let store = entries[0].destinations[0].store.clone();
        let found = holdings(
            "production",
            &store,
            vec![listed("prod/a", &["A", "B"])],
            &entries,
        );
        assert_eq!(
            (found[0].side, &found[0].unnamed[..]),
            (Side::Known, &["B".to_owned()][..])
        );
    }

    #[test]
    fn every_key_of_an_env_file_is_a_secret_of_its_own() {
        let store = StoreSpec {
            name: "env".to_owned(),
            kind: "dotenv".to_owned(),
            options: Map::new(),
        };
        let mut known = entry("a", "app/.env", "A");
        known.destinations[0].store = store.clone();
        let held = vec![listed("app/.env", &["A", "B"])];
        let found = holdings("production", &store, held, &[known]);
        assert_eq!(
            said(&found),
            ["not_in_inventory app/.env:B -", "known app/.env:A a"]
        );
    }
}
