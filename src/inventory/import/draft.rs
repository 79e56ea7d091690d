//! From wishes to drafts of entries: each has a name and a place of its own, and an owner who is known.

use super::{Finding, Rules, Wish};
use crate::inventory::kinds::STORE_KINDS;
use crate::inventory::{Environment, Side, Snapshot, holdings};
use keywheel_contract::{Listed, SecretId};
use std::collections::{BTreeMap, BTreeSet};

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// As [`Wish::source`].
    pub source: String,
    /// `environment/name`.
    pub id: SecretId,
    /// Key of the owner; none where the inventory's defaults name one.
    pub owner: Option<String>,
    /// Key of the store.
    pub store: String,
    /// Where it lies there.
    pub path: String,
    /// In which fields.
    pub fields: Vec<String>,
    /// What breaks when it does.
    pub impact: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// The issuer's id of the credential in use.
    pub current_id: Option<String>,
}

/// Drafts of what can be drafted, findings for the rest.
pub fn drafts(
    wishes: Vec<Wish>,
    rules: &Rules,
    inventory: &Snapshot,
) -> (Vec<Draft>, Vec<Finding>) {
    let mut drafts = Vec::new();
    let mut findings = Vec::new();
    for wish in wishes {
        match draft(wish, rules, inventory) {
            Ok(draft) => drafts.push(draft),
            Err(found) => findings.extend(found),
        }
    }
    let claims = Claims::of(&drafts, inventory);
    drafts.retain(|draft| match claims.problem(draft) {
        Some(found) => {
            findings.push(found);
            false
        }
        None => true,
    });
    (drafts, findings)
}

fn draft(wish: Wish, rules: &Rules, inventory: &Snapshot) -> Result<Draft, Vec<Finding>> {
    let named = named(&wish, rules, inventory);
    let owned = owned(&wish, rules, inventory);
    let placed = placed(&wish, inventory);
    let mut found: Vec<Finding> = placed.err().into_iter().collect();
    match (named, owned) {
        (Ok(id), Ok(owner)) if found.is_empty() => Ok(Draft {
            source: wish.source,
            id,
            owner,
            store: wish.store,
            path: wish.path,
            fields: wish.fields,
            impact: wish.impact,
            tags: wish.tags,
            current_id: wish.current_id,
        }),
        (named, owned) => {
            found.extend(named.err());
            found.extend(owned.err());
            Err(found)
        }
    }
}

fn named(wish: &Wish, rules: &Rules, inventory: &Snapshot) -> Result<SecretId, Finding> {
    let name = match &wish.name {
        Some(name) => name.clone(),
        None => rules
            .name_from
            .name(wish, is_one_of_many(wish, inventory))?,
    };
    SecretId::new(&wish.environment, &name).map_err(|error| {
        Finding::new(&wish.source, error.to_string())
            .help("choose names by --name-from, or say this one in a CSV file")
    })
}

fn owned(wish: &Wish, rules: &Rules, inventory: &Snapshot) -> Result<Option<String>, Finding> {
    let owner = match (&wish.owner, &rules.owner_from) {
        (Some(owner), _) => owner.clone(),
        (None, Some(from)) => from.owner(wish)?,
        (None, None) => return Ok(None),
    };
    match inventory.owners.contains_key(&owner) {
        true => Ok(Some(owner)),
        false => Err(Finding {
            missing_owner: Some(owner.clone()),
            ..Finding::new(&wish.source, format!("unknown owner `{owner}`"))
                .help("add it to `[owners]` in inventory/shared.toml")
        }),
    }
}

fn placed(wish: &Wish, inventory: &Snapshot) -> Result<(), Finding> {
    let Some(environment) = environment(wish, inventory) else {
        let known = inventory.environments.iter();
        let known: Vec<&str> = known.map(|one| one.name.as_str()).collect();
        let problem = format!("unknown environment `{}`", wish.environment);
        return Err(
            Finding::new(&wish.source, problem).help(format!("there is {}", known.join(", ")))
        );
    };
    if !environment.stores.contains_key(&wish.store) {
        let problem = format!("{} has no store `{}`", wish.environment, wish.store);
        return Err(Finding::new(&wish.source, problem));
    }
    // `{name}` in a path would be filled in: the entry would be about another place.
    if wish.path.contains(['{', '}']) {
        return Err(Finding::new(
            &wish.source,
            "a path with braces cannot be written in the inventory",
        ));
    }
    Ok(())
}

fn environment<'a>(wish: &Wish, inventory: &'a Snapshot) -> Option<&'a Environment> {
    let mut all = inventory.environments.iter();
    all.find(|one| one.name == wish.environment)
}

fn is_one_of_many(wish: &Wish, inventory: &Snapshot) -> bool {
    let store = environment(wish, inventory).and_then(|one| one.stores.get(&wish.store));
    let kind = store.and_then(|store| STORE_KINDS.kind(&store.kind));
    kind.is_some_and(|kind| kind.shares_places)
}

/// Names and places that somebody has.
struct Claims {
    ids: BTreeMap<SecretId, Vec<String>>,
    places: BTreeMap<[String; 4], Vec<String>>,
    taken: BTreeSet<SecretId>,
}

impl Claims {
    fn of(drafts: &[Draft], inventory: &Snapshot) -> Self {
        let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for draft in drafts {
            let source = || draft.source.clone();
            ids.entry(draft.id.clone()).or_default().push(source());
            for place in claimed(draft) {
                places.entry(place).or_default().push(source());
            }
        }
        let taken = inventory.definitions.iter();
        let taken = taken.flat_map(|one| std::iter::once(&one.id).chain(&one.formerly));
        Self {
            ids,
            places,
            taken: taken.cloned().collect(),
        }
    }

    fn problem(&self, draft: &Draft) -> Option<Finding> {
        let (id, source) = (&draft.id, &draft.source);
        if self.taken.contains(id) {
            let problem = format!("{id} is in the inventory, for another place");
            return Some(Finding::new(source, problem).help("choose names by --name-from"));
        }
        let same_name = others(&self.ids[id], source);
        if let Some(others) = same_name {
            let problem = format!("{others} would be called {id} too");
            return Some(Finding::new(source, problem).help("choose names by --name-from"));
        }
        let mut places = claimed(draft).into_iter();
        let twice = places.find_map(|place| others(&self.places[&place], source));
        twice.map(|others| Finding::new(source, format!("{others} is the same place")))
    }
}

fn others(all: &[String], source: &str) -> Option<String> {
    let others: Vec<&str> = all
        .iter()
        .map(String::as_str)
        .filter(|one| *one != source)
        .collect();
    match others.as_slice() {
        [] if all.len() > 1 => Some(format!("another {source}")),
        [] => None,
        [one] => Some((*one).to_owned()),
        [one, rest @ ..] => Some(format!("{one} and {} more", rest.len())),
    }
}

fn claimed(draft: &Draft) -> Vec<[String; 4]> {
    let claim = |field: &str| {
        let environment = draft.id.environment();
        [environment, &draft.store, &draft.path, field].map(str::to_owned)
    };
    match draft.fields.is_empty() {
        true => vec![claim("")],
        false => draft.fields.iter().map(|field| claim(field)).collect(),
    }
}

/// Without those whose place an entry publishes to already; and how many those were.
pub fn unknown(wishes: Vec<Wish>, inventory: &Snapshot) -> (Vec<Wish>, usize) {
    let mut stores: BTreeMap<(String, String), Vec<Listed>> = BTreeMap::new();
    for wish in &wishes {
        let store = (wish.environment.clone(), wish.store.clone());
        stores.entry(store).or_default().push(Listed {
            path: wish.path.clone(),
            fields: wish.fields.clone(),
            ..Listed::default()
        });
    }
    let mut known: BTreeMap<(String, String), Vec<Listed>> = BTreeMap::new();
    for ((environment, name), listed) in stores {
        let mut environments = inventory.environments.iter();
        let found = environments.find(|one| one.name == environment);
        let Some(store) = found.and_then(|one| one.stores.get(&name)) else {
            continue;
        };
        let all = holdings(&environment, store, listed, &inventory.definitions);
        let all = all
            .into_iter()
            .filter(|holding| holding.side == Side::Known);
        known.insert(
            (environment, name),
            all.map(|holding| holding.listed).collect(),
        );
    }
    let before = wishes.len();
    let is_new = |wish: &Wish| {
        let store = (wish.environment.clone(), wish.store.clone());
        let mut known = known.get(&store).into_iter().flatten();
        !known.any(|listed| is_about(listed, wish))
    };
    let wishes: Vec<Wish> = wishes.into_iter().filter(is_new).collect();
    let known = before - wishes.len();
    (wishes, known)
}

fn is_about(listed: &Listed, wish: &Wish) -> bool {
    let whole = listed.fields.is_empty() || wish.fields.is_empty();
    let shared = || {
        listed
            .fields
            .iter()
            .any(|field| wish.fields.contains(field))
    };
    listed.path == wish.path && (whole || shared())
}
