//! Inventories in memory, for tests.

use super::definition::Definition;
use super::folders::Listing;
use super::origins::{ResolvedValue, origins_listed};
use super::read::{Snapshot, read_listed};
use crate::config::{Config, Problem};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// Files by path below `/etc/keywheel`, `keywheel.toml` among them.
#[derive(Clone, Default)]
pub(super) struct Files(BTreeMap<String, String>);

const BASE: &str = "/etc/keywheel";

/// Enough of everything for entries to refer to.
const KEYWHEEL: &str = r#"journal = "sqlite://keywheel.db"
seal = { key_file = "seal.key" }
hosts = { production = ["chat.internal", "*.svc.example.com"] }
programs.check-app = { path = "/opt/check-app" }
"#;

const SHARED: &str = r#"[owners]
ml = { email = "ml@example.com" }
[issuers.people]
kind = "manual"
min_length = 20
[templates.service-token]
issuer = { kind = "random", length = 48 }
publish_to = [{ store = "main", path = "{environment}/tokens/{name}", fields = { TOKEN = "{value}", TOKEN_OLD = "{previous.value}" } }]
consumers.gateway = { role = "accepts", notify = { none = "watches" }, verify = { exec = "check-app" } }
"#;

const ENVIRONMENT: &str = r#"environment = "production"
defaults = { owner = "ml", schedule = "production" }
[stores.main]
kind = "files"
root = "/srv/secrets"
"#;

impl Files {
    /// An inventory with an environment `production`, owner, stores, issuer and template.
    pub(super) fn usual() -> Self {
        Self::default()
            .with("keywheel.toml", KEYWHEEL)
            .with("inventory/shared.toml", SHARED)
            .with("inventory/production/environment.toml", ENVIRONMENT)
    }

    /// Adds or replaces a file.
    pub(super) fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Reads them all.
    pub(super) fn read(&self) -> Result<Snapshot, Vec<Problem>> {
        let config = self.config()?;
        read_listed(&config, &self.listing(&config), &|file| self.load(file))
    }

    /// The values of one secret with their origins.
    pub(super) fn origins(&self, id: &str) -> Result<Vec<ResolvedValue>, Vec<Problem>> {
        let config = self.config()?;
        let listing = self.listing(&config);
        origins_listed(
            &config,
            &listing,
            &|file| self.load(file),
            &id.parse().unwrap(),
        )
    }

    fn config(&self) -> Result<Config, Vec<Problem>> {
        Config::parse(&self.0["keywheel.toml"], Path::new(BASE))
    }

    fn listing(&self, config: &Config) -> Listing {
        let below = |folder: &str| -> Vec<String> {
            let paths = self.0.keys().filter(|path| path.starts_with(folder));
            paths.map(|path| format!("{BASE}/{path}")).collect()
        };
        Listing::of(config, &below("inventory/"), &below("schedules/"))
    }

    fn load(&self, file: &str) -> std::io::Result<String> {
        self.0
            .get(file)
            .cloned()
            .ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// What reading says about a store `main` with these lines and a secret that is published there; empty where all is
/// well. `place` is the inside of a table.
#[cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "doppler",
    feature = "github",
    feature = "google",
    feature = "kubernetes",
    feature = "vault"
))]
pub(super) fn store_problems(store: &str, place: &str) -> String {
    let environment = format!(
        "environment = \"production\"\ndefaults = {{ owner = \"ml\", schedule = \"production\" }}\n\
         [stores.main]\n{store}\n"
    );
    let team = format!(
        "[secrets.a]\nissuer = {{ use = \"people\" }}\nno_consumers = \"example\"\n\
         publish_to = [{{ store = \"main\", {place} }}]\n"
    );
    let read = Files::usual()
        .with("inventory/production/environment.toml", &environment)
        .with("inventory/production/team.toml", &team)
        .read();
    let problems = read.err().unwrap_or_default();
    let each = problems.iter().map(ToString::to_string);
    each.collect::<Vec<_>>().join("\n")
}

/// The definitions of secrets given by name and keys, made by people and published under their names.
pub(super) fn definitions(secrets: &[(&str, &str)]) -> Vec<Definition> {
    let entry = |(name, keys): &(&str, &str)| {
        format!(
            "[secrets.{name}]\nissuer = {{ use = \"people\" }}\n\
             publish_to = [{{ store = \"main\", path = \"{name}\" }}]\n{keys}\n"
        )
    };
    let text: String = secrets.iter().map(entry).collect();
    let snapshot = Files::usual()
        .with("inventory/production/team.toml", &text)
        .read();
    snapshot.unwrap().definitions
}

/// The definition of one secret of this issuer; `issuer` is the inside of a table.
pub(super) fn one_of_issuer(issuer: &str, keys: &str) -> Vec<Definition> {
    let text = format!(
        "[secrets.a]\nissuer = {{ {issuer} }}\n\
         publish_to = [{{ store = \"main\", path = \"a\" }}]\n{keys}\n"
    );
    let snapshot = Files::usual()
        .with("inventory/production/team.toml", &text)
        .read();
    snapshot.unwrap().definitions
}

/// Keys of a secret with one consumer, `app`.
pub(super) fn one_consumer(proof: &str, instances: u32) -> String {
    format!(
        "consumers.app = {{ notify = {{ none = \"watches\" }}, verify = {{ exec = \"check-app\" }}, \
         proof = \"{proof}\", instances = {instances} }}"
    )
}

/// What reading says about an issuer `main` with these lines and a secret of its; empty where all is well.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis"))]
pub(super) fn issuer_problems(issuer: &str) -> String {
    problems_of_issuer(issuer, "password")
}

/// The same where the field that is published is another one.
#[cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "google",
    feature = "jwt",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "ssh"
))]
pub(super) fn problems_of_issuer(issuer: &str, field: &str) -> String {
    let environment = format!("{ENVIRONMENT}[issuers.main]\n{issuer}\n");
    let team = format!(
        "[secrets.a]\nissuer = {{ use = \"main\" }}\nno_consumers = \"example\"\n\
         publish_to = [{{ store = \"main\", path = \"a\", fields = {{ SECRET = \"{{{field}}}\" }} }}]\n"
    );
    let read = Files::usual()
        .with("inventory/production/environment.toml", &environment)
        .with("inventory/production/team.toml", &team)
        .read();
    let problems = read.err().unwrap_or_default();
    let each = problems.iter().map(ToString::to_string);
    each.collect::<Vec<_>>().join("\n")
}
