//! A rotation is done by the replica of one machine: whoever of its issuer and its stores names one names the same.

use super::definition::Destination;
use super::issuer::FoundIssuer;
use super::resolve::Resolver;
use crate::config::file::Problem;
use serde_json::{Map, Value};

impl Resolver<'_> {
    /// Tells of two machines: a lease is for a rotation as a whole, so that either's files would not be found.
    pub(super) fn one_machine(&mut self, issuer: &FoundIssuer, destinations: &[Destination]) {
        let issuer = named("issuer", &issuer.spec.name, &issuer.spec.options);
        let stores = destinations
            .iter()
            .filter_map(|one| named("store", &one.store.name, &one.store.options));
        let mut named = issuer.into_iter().chain(stores);
        let Some((first, here)) = named.next() else {
            return;
        };
        let other = named.find(|(_, there)| *there != here);
        let place = self.layered.table.entry("publish_to");
        let Some(((other, there), at)) = other.zip(place) else {
            return;
        };
        let message = format!(
            "{first} is on the machine `{here}`, {other} on `{there}`: one replica does the whole rotation"
        );
        self.problem(Some(Problem::at(&at.key, message).help(
            "give both the same `host`, or publish to a store that is reached from every machine",
        )));
    }
}

/// What it is called, and the machine that it names.
fn named<'a>(what: &str, name: &str, options: &'a Map<String, Value>) -> Option<(String, &'a str)> {
    let host = options.get("host")?.as_str()?;
    Some((format!("{what} `{name}`"), host))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Files;

    const ENVIRONMENT: &str = "environment = \"production\"\n\
         defaults = { owner = \"ml\", schedule = \"production\" }\n\
         [stores.main]\nkind = \"files\"\nroot = \"/srv/secrets\"\n\
         [stores.one]\nkind = \"files\"\nroot = \"/srv/one\"\nhost = \"one\"\n\
         [stores.two]\nkind = \"files\"\nroot = \"/srv/two\"\nhost = \"two\"\n";

    fn problems(issuer: &str, stores: &[&str]) -> String {
        let stores: Vec<String> = stores
            .iter()
            .map(|store| format!("{{ store = \"{store}\", path = \"a\" }}"))
            .collect();
        let team = format!(
            "[secrets.a]\nissuer = {{ {issuer} }}\nno_consumers = \"example\"\nin_place = \"example\"\n\
             publish_to = [{}]\n",
            stores.join(", ")
        );
        let read = Files::usual()
            .with("inventory/production/environment.toml", ENVIRONMENT)
            .with("inventory/production/team.toml", &team)
            .read();
        let problems = read.err().unwrap_or_default();
        let each = problems.iter().map(ToString::to_string);
        each.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn stores_of_two_machines_are_refused() {
        let random = "kind = \"random\"";
        for stores in [&["one"][..], &["main", "one"], &["one", "main"]] {
            assert_eq!(problems(random, stores), "", "{stores:?}");
        }
        let said = problems(random, &["one", "main", "two"]);
        for words in [
            "inventory/production/team.toml:5:1: ",
            "store `one` is on the machine `one`, store `two` on `two`",
            "give both the same `host`",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    #[cfg(feature = "jwt")]
    #[test]
    fn an_issuer_does_not_outvote_a_store() {
        let keys = |host: &str| {
            format!(
                "kind = \"jwt-key\", algorithm = \"ES256\", jwks_file = \"/srv/jwks.json\", \
                 cache_time = \"1m\", token_life = \"1m\"{host}"
            )
        };
        for (host, store) in [
            ("", "one"),
            (", host = \"one\"", "one"),
            (", host = \"one\"", "main"),
        ] {
            let said = problems(&keys(host), &[store]);
            assert!(!said.contains("machine"), "{said}");
        }
        let said = problems(&keys(", host = \"one\""), &["two"]);
        assert!(
            said.contains("issuer `jwt-key` is on the machine `one`, store `two` on `two`"),
            "{said}"
        );
    }
}
