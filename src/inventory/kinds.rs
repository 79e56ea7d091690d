//! The providers that the inventory may name, with their settings. A new provider adds its lines here.

use crate::config::file::{Key, Kind, Kinded, Shape};
use keywheel_contract::Error;
use keywheel_provider_local::{ManualIssuer, ManualOptions, RandomIssuer, RandomOptions};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A store: `[stores.NAME]`.
pub(crate) static STORE_KINDS: Kinded = Kinded {
    title: "a store",
    kinds: &[
        Kind {
            name: "files",
            keys: &[
                Key::needed("root", Shape::Text, "folder; each path is a file below it"),
                Key::new("group", Shape::Text, "group that may read the files"),
                Key::new(
                    "mode",
                    Shape::Plain,
                    "permissions in octal, such as \"0640\"",
                ),
                HOST,
            ],
            ..Kind::PLAIN
        },
        Kind {
            name: "dotenv",
            keys: &[
                Key::needed(
                    "root",
                    Shape::Text,
                    "folder; each path is an env file below it",
                ),
                HOST,
            ],
            needs_fields: true,
            shares_places: true,
            ..Kind::PLAIN
        },
        #[cfg(feature = "aws")]
        super::aws::KIND,
        #[cfg(feature = "azure")]
        super::azure::KIND,
        #[cfg(feature = "doppler")]
        super::doppler::KIND,
        #[cfg(feature = "github")]
        super::github::KIND,
        #[cfg(feature = "google")]
        super::google::KIND,
        #[cfg(feature = "kubernetes")]
        super::kubernetes::KIND,
        #[cfg(feature = "vault")]
        super::vault::KIND,
        Kind {
            name: "exec",
            keys: EXEC,
            ..Kind::PLAIN
        },
    ],
    by_use: false,
};

/// An issuer: `[issuers.NAME]`.
pub(crate) static ISSUER_KINDS: Kinded = Kinded {
    title: "an issuer",
    kinds: ISSUERS,
    by_use: false,
};

/// The issuer of one secret: inline, or one of the tables by `use`.
pub(crate) static ISSUER_OF_SECRET: Kinded = Kinded {
    title: "an issuer",
    kinds: ISSUERS,
    by_use: true,
};

const ISSUERS: &[Kind] = &[
    Kind {
        name: "random",
        keys: &[
            Key::new("length", Shape::Count, "how many characters"),
            Key::new("alphabet", Shape::Plain, "which characters"),
            Key::new("require", CLASSES, "kinds of characters that must occur"),
            Key::new(
                "encoding",
                Shape::Words(&["hex", "base64url"]),
                "a well-known alphabet instead",
            ),
            Key::new(
                "template",
                Shape::Plain,
                "text around the drawn characters, with `{random}` once",
            ),
            Key::new(
                "allow_weak",
                Shape::Text,
                "why less than 80 bits are enough here",
            ),
        ],
        generated: true,
        fields: &["value"],
        try_out: |options| {
            objection(options, |read: RandomOptions| {
                RandomIssuer::new(read).map(drop)
            })
        },
        ..Kind::PLAIN
    },
    Kind {
        name: "manual",
        keys: &[
            Key::new("prefix", Shape::Plain, "how each value begins"),
            Key::new("min_length", Shape::Count, "fewest characters"),
            Key::new("max_length", Shape::Count, "most characters"),
            Key::new("alphabet", Shape::Plain, "which characters"),
            Key::new("require", CLASSES, "kinds of characters that must occur"),
            Key::new(
                "fields",
                Shape::List(&Shape::Plain),
                "what it consists of, where that is not one `value`",
            ),
            Key::new(
                "instructions",
                Shape::Text,
                "what the person who makes it does",
            ),
            STANDBY,
        ],
        fields: &["value"],
        try_out: |options| {
            objection(options, |read: ManualOptions| {
                ManualIssuer::new(read).map(drop)
            })
        },
        ..Kind::PLAIN
    },
    #[cfg(feature = "aws")]
    super::aws::ROTATION,
    #[cfg(feature = "jwt")]
    super::jwt::KIND,
    #[cfg(feature = "mysql")]
    super::mysql::KIND,
    #[cfg(feature = "postgres")]
    super::postgres::KIND,
    #[cfg(feature = "aws")]
    super::aws::IAM_KEY,
    #[cfg(feature = "azure")]
    super::azure::APP_SECRET,
    #[cfg(feature = "google")]
    super::google::SERVICE_KEY,
    #[cfg(feature = "redis")]
    super::redis::KIND,
    #[cfg(feature = "ssh")]
    super::ssh::KIND,
    #[cfg(feature = "http")]
    super::http::KIND,
    Kind {
        name: "exec",
        keys: EXEC_ISSUER,
        no_sessions: |_| None,
        ..Kind::PLAIN
    },
];

const EXEC: &[Key] = &[PROGRAM, PROGRAM_CONFIG];
const EXEC_ISSUER: &[Key] = &[PROGRAM, PROGRAM_CONFIG, STANDBY];

const PROGRAM: Key = Key::needed(
    "program",
    Shape::Text,
    "its name below `programs` in keywheel.toml",
);
const PROGRAM_CONFIG: Key = Key::new("config", Shape::Any, "handed to the program as it is");

/// A folder or file exists on one machine: where several replicas share a journal, only that one works on it.
pub(super) const HOST: Key = Key::new(
    "host",
    Shape::Text,
    "name of the machine that has it, where replicas run on several",
);

/// Of an issuer whose credentials a person makes.
pub(super) const STANDBY: Key = Key::new(
    "standby",
    Shape::Count,
    "how many spares `keywheel standby add` is to keep ready for an emergency",
);

/// Kinds of characters, in the words of the providers.
const CLASSES: Shape = Shape::List(&Shape::Words(&["lower", "upper", "digit", "symbol"]));

/// Why settings of the right types cannot work together, in the provider's own words.
pub(super) fn objection<Options: DeserializeOwned>(
    settings: &Map<String, Value>,
    check: impl FnOnce(Options) -> Result<(), Error>,
) -> Option<String> {
    match serde_json::from_value(Value::Object(settings.clone())) {
        Ok(options) => check(options).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ISSUER_KINDS, STORE_KINDS};
    use crate::config::file::{Key, Kinded, Shape};
    use keywheel_provider_local::{
        Class, DotenvOptions, Encoding, FilesOptions, ManualOptions, RandomOptions,
    };

    fn key(kinded: &Kinded, kind: &str, name: &str) -> &'static Key {
        let keys = kinded.kind(kind).unwrap().keys;
        keys.iter().find(|key| key.name == name).unwrap()
    }

    /// The settings of a kind here, and those that its provider reads.
    fn are_the_same(kinded: &Kinded, kind: &str, theirs: &[&str]) {
        let ours = kinded.kind(kind).unwrap().keys;
        // These are read by the engine, before any provider is asked.
        let mut ours: Vec<_> = ours
            .iter()
            .map(|key| key.name)
            .filter(|name| !["host", "standby"].contains(name))
            .collect();
        let mut theirs = theirs.to_vec();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{kind}");
    }

    #[test]
    fn the_settings_of_stores_are_those_of_the_providers() {
        for (kinded, kind, theirs) in [
            (&STORE_KINDS, "files", FilesOptions::KEYS),
            (&STORE_KINDS, "dotenv", DotenvOptions::KEYS),
            #[cfg(feature = "aws")]
            (
                &STORE_KINDS,
                "aws-secrets-manager",
                keywheel_provider_aws::AwsOptions::KEYS,
            ),
            #[cfg(feature = "azure")]
            (
                &STORE_KINDS,
                "azure-key-vault",
                keywheel_provider_azure::AzureOptions::KEYS,
            ),
            #[cfg(feature = "doppler")]
            (
                &STORE_KINDS,
                "doppler",
                keywheel_provider_doppler::DopplerOptions::KEYS,
            ),
            #[cfg(feature = "github")]
            (
                &STORE_KINDS,
                "github-actions",
                keywheel_provider_github::GithubOptions::KEYS,
            ),
            #[cfg(feature = "google")]
            (
                &STORE_KINDS,
                "google-secret-manager",
                keywheel_provider_google::GoogleOptions::KEYS,
            ),
            #[cfg(feature = "kubernetes")]
            (
                &STORE_KINDS,
                "kubernetes",
                keywheel_provider_kubernetes::KubernetesOptions::KEYS,
            ),
            #[cfg(feature = "vault")]
            (
                &STORE_KINDS,
                "vault",
                keywheel_provider_vault::VaultOptions::KEYS,
            ),
        ] {
            are_the_same(kinded, kind, theirs);
        }
    }

    #[test]
    fn the_settings_of_issuers_are_those_of_the_providers() {
        for (kinded, kind, theirs) in [
            #[cfg(feature = "azure")]
            (
                &ISSUER_KINDS,
                "azure-app-secret",
                keywheel_provider_azure::AppSecretOptions::KEYS,
            ),
            #[cfg(feature = "aws")]
            (
                &ISSUER_KINDS,
                "aws-iam-key",
                keywheel_provider_aws::KeyOptions::KEYS,
            ),
            #[cfg(feature = "google")]
            (
                &ISSUER_KINDS,
                "google-service-account-key",
                keywheel_provider_google::ServiceKeyOptions::KEYS,
            ),
            #[cfg(feature = "jwt")]
            (
                &ISSUER_KINDS,
                "jwt-key",
                keywheel_provider_jwt::JwtKeyOptions::KEYS,
            ),
            #[cfg(feature = "mysql")]
            (
                &ISSUER_KINDS,
                "mysql",
                keywheel_provider_mysql::MysqlOptions::KEYS,
            ),
            #[cfg(feature = "redis")]
            (
                &ISSUER_KINDS,
                "redis",
                keywheel_provider_redis::RedisOptions::KEYS,
            ),
            #[cfg(feature = "ssh")]
            (
                &ISSUER_KINDS,
                "ssh-key",
                keywheel_provider_ssh::SshKeyOptions::KEYS,
            ),
            #[cfg(feature = "http")]
            (
                &ISSUER_KINDS,
                "http",
                keywheel_provider_http::HttpOptions::KEYS,
            ),
            (&ISSUER_KINDS, "random", RandomOptions::KEYS),
            (&ISSUER_KINDS, "manual", ManualOptions::KEYS),
            #[cfg(feature = "postgres")]
            (
                &ISSUER_KINDS,
                "postgres",
                keywheel_provider_postgres::PostgresOptions::KEYS,
            ),
        ] {
            are_the_same(kinded, kind, theirs);
        }
    }

    #[test]
    fn the_words_are_those_of_the_providers() {
        let Shape::Words(encodings) = key(&ISSUER_KINDS, "random", "encoding").shape else {
            panic!("words");
        };
        for word in encodings {
            assert!(
                serde_json::from_value::<Encoding>((*word).into()).is_ok(),
                "{word}"
            );
        }
        let Shape::List(Shape::Words(classes)) = key(&ISSUER_KINDS, "manual", "require").shape
        else {
            panic!("a list of words");
        };
        for word in *classes {
            assert!(
                serde_json::from_value::<Class>((*word).into()).is_ok(),
                "{word}"
            );
        }
    }
}
