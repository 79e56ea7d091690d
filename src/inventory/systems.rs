//! Which outside system an issuer or a store is, as far as its settings say: what does not answer one rotation does
//! not answer the others of it either (pure).

use super::definition::{Definition, Destination, IssuerSpec, StoreSpec};
use super::kinds::{ISSUER_KINDS, STORE_KINDS};
use crate::config::file::Kinded;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Settings beside addresses that tell systems of one kind apart.
const TELL_APART: [&str; 4] = ["pack", "base_url", "region", "program"];

impl Definition {
    /// The issuer's and every store's, each once. Consumers are not among them.
    pub fn systems(&self) -> BTreeSet<String> {
        let stores = self.destinations.iter().map(Destination::system);
        std::iter::once(self.issuer.system())
            .chain(stores)
            .collect()
    }
}

impl IssuerSpec {
    /// What people call the system; the same for all entries that are served by it.
    pub fn system(&self) -> String {
        named(&ISSUER_KINDS, &self.kind, &self.name, &self.options)
    }
}

impl Destination {
    /// What people call the store's system.
    pub fn system(&self) -> String {
        let StoreSpec {
            name,
            kind,
            options,
        } = &self.store;
        named(&STORE_KINDS, kind, name, options)
    }
}

/// The name of its table, or its kind, and where it is. An address holds no credential: the inventory takes none that
/// does.
fn named(kinds: &Kinded, kind: &str, name: &str, options: &Map<String, Value>) -> String {
    let addresses = kinds.kind(kind).map_or(&[][..], |kind| kind.addresses);
    let keys = addresses.iter().chain(&TELL_APART);
    let places = keys.filter_map(|key| options.get(*key)?.as_str());
    std::iter::once(name)
        .chain(places)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issuer(name: &str, kind: &str, options: Value) -> IssuerSpec {
        let options = options.as_object().cloned().unwrap_or_default();
        IssuerSpec {
            name: name.to_owned(),
            kind: kind.to_owned(),
            options,
            standby: 0,
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn what_one_server_serves_is_one_system_and_what_another_serves_another() {
        let at = |address: &str, role: &str| {
            let options = json!({ "address": address, "roles": [role] });
            issuer("postgres", "postgres", options).system()
        };
        assert_eq!(
            at("db.example.com:5432", "a"),
            at("db.example.com:5432", "b")
        );
        assert_ne!(
            at("db.example.com:5432", "a"),
            at("db2.example.com:5432", "a")
        );
        assert_eq!(
            at("db.example.com:5432", "a"),
            "postgres db.example.com:5432"
        );
    }

    #[test]
    fn programs_are_told_apart_by_their_names() {
        let program = |name: &str| issuer("exec", "exec", json!({ "program": name })).system();
        assert_ne!(program("ours"), program("theirs"));
    }
}
