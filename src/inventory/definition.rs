//! One inventory entry after templates, defaults and references have been resolved: everything a rotation
//! needs to know, with references instead of values.
//!
//! The journal keeps it as JSON; a rotation keeps a copy as its plan for life.

use super::Template;
use keywheel_contract::{SecretId, Strength};
use keywheel_schedules::Timing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A secret as the inventory defines it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// `environment/name`.
    pub id: SecretId,
    /// Key of the owner in `shared.toml`.
    pub owner: String,
    /// What breaks when this secret does, for people.
    pub impact: Option<String>,
    /// Free labels for selectors and audits.
    pub tags: Vec<String>,
    /// How far keywheel acts by itself.
    pub manage: Manage,
    /// Who makes and honours the credential.
    pub issuer: IssuerSpec,
    /// Why the old value may die the moment the new one is applied.
    pub in_place: Option<String>,
    /// Why nobody is listed as a consumer.
    pub no_consumers: Option<String>,
    /// Whether the issuer has to see somebody use the new credential before the old one is ended.
    #[serde(default)]
    pub new_used: bool,
    /// The issuer's id of the credential in use now, where a person knows it and the issuer cannot say.
    pub current_id: Option<String>,
    /// Where it is published; the first is the main one.
    pub destinations: Vec<Destination>,
    /// Who uses it, by name.
    pub consumers: BTreeMap<String, ConsumerSpec>,
    /// Name of the schedule, for people.
    pub schedule: String,
    /// When, and with which durations.
    pub timing: Timing,
    /// Former ids, so that history survives a rename.
    pub formerly: Vec<SecretId>,
    /// Where the entry is written.
    pub origin: Origin,
}

/// How far keywheel acts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Manage {
    /// Dates and reminders only.
    Track,
    /// A person starts each rotation.
    Approve,
    /// The schedule starts it.
    #[default]
    Auto,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Relative to `keywheel.toml`.
    pub file: String,
    /// Counted from one.
    pub line: u32,
}

/// A configured issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerSpec {
    /// Key of the issuer in its table, or its kind where it is written inline.
    pub name: String,
    /// Which provider: `random`, `manual`, `redis`, `exec` and so on.
    pub kind: String,
    /// The provider's own settings.
    pub options: Map<String, Value>,
    /// How many spares are to be ready for an emergency, where a person makes the credentials.
    #[serde(default)]
    pub standby: u32,
}

/// A configured store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSpec {
    /// Key of the store in its table.
    pub name: String,
    /// Which provider: `files`, `dotenv`, `azure-key-vault`, `google-secret-manager`, `vault`, `exec`.
    pub kind: String,
    /// The provider's own settings.
    pub options: Map<String, Value>,
}

/// One place where a secret is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The store, with its settings, so that a rotation outlives an edit of the inventory.
    pub store: StoreSpec,
    /// Path inside the store, with `{environment}` and `{name}` already filled in.
    pub path: String,
    /// Field name to template (`{value}`, `{previous.value}`, `{password|url}`); empty: the whole content is
    /// the credential's only value.
    pub fields: BTreeMap<String, String>,
    /// How consumers choose a version there, where the store has a choice.
    pub selector: Option<String>,
    /// The field that a handshake proves; by default the first whose template has no `previous.`.
    pub proof_field: Option<String>,
}

impl Definition {
    /// Whether the issuer both makes the new value and decides what becomes of the old one.
    pub fn ends_elsewhere(&self) -> bool {
        self.issuer.kind == "aws-rotation"
    }

    /// Whether a value that its consumers honour themselves is shown alone, without the one before it.
    pub fn shows_one_value(&self) -> bool {
        let shows_two = self.destinations.iter().any(Destination::shows_previous);
        self.issuer.kind == "random" && !shows_two
    }
}

impl Destination {
    /// `store:path`, unique within a secret: what consumers, evidence and audit call it.
    pub fn name(&self) -> String {
        format!("{}:{}", self.store.name, self.path)
    }

    /// Whether some field shows the previous value beside the new one.
    pub fn shows_previous(&self) -> bool {
        self.fields
            .values()
            .any(|text| Template::parse(text).is_ok_and(|template| template.shows_previous()))
    }
}

/// Which side of a generated value a consumer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Checks with it, and takes old and new side by side.
    Accepts,
    /// Shows it to others.
    Presents,
}

/// A workload that uses the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerSpec {
    /// Notified and proven before the others.
    pub canary: bool,
    /// Its side of a generated value.
    pub role: Option<Role>,
    /// Name of the destination it reads; the main one by default.
    pub reads: Option<String>,
    /// How it is told.
    pub notify: NotifySpec,
    /// How it is seen.
    pub verify: VerifySpec,
    /// How many distinct instances must answer.
    pub instances: u32,
    /// The weakest evidence accepted from it, where it differs from the schedule's.
    pub proof: Option<Strength>,
}

impl ConsumerSpec {
    /// The service by which it is told or seen, if it is one.
    pub fn unit(&self) -> Option<&UnitSpec> {
        match (&self.notify, &self.verify) {
            (NotifySpec::Unit(named), _) | (_, VerifySpec::Unit(named)) => Some(named),
            _ => None,
        }
    }

    /// The workload by which it is told or seen, if it is one.
    pub fn workload(&self) -> Option<&WorkloadSpec> {
        match (&self.notify, &self.verify) {
            (NotifySpec::Workload(named), _) | (_, VerifySpec::Workload(named)) => Some(named),
            _ => None,
        }
    }
}

/// How a consumer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifySpec {
    /// POST to this address.
    Http {
        /// Absolute URL.
        url: String,
        /// Bearer token to send.
        bearer: Option<Reference>,
    },
    /// Run this program, declared in `keywheel.toml`.
    Exec {
        /// Its name there.
        program: String,
    },
    /// A new version in the template of a workload's pods, which starts a rollout.
    Workload(WorkloadSpec),
    /// A restart or a reload by systemd.
    Unit(UnitSpec),
    /// Nothing to do.
    None {
        /// Why.
        why: String,
    },
}

/// How a consumer is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifySpec {
    /// The handshake at this address.
    Http {
        /// Absolute URL.
        url: String,
        /// Bearer token to send.
        bearer: Option<Reference>,
    },
    /// This program, declared in `keywheel.toml`, answers for it.
    Exec {
        /// Its name there.
        program: String,
    },
    /// A file holds the value and its reader (re)started after it.
    File {
        /// The file read, absolute or relative to `keywheel.toml`.
        path: String,
        /// File with the reader's process id.
        pid_file: Option<String>,
        /// File the reader touches after each reload.
        reloaded_file: Option<String>,
    },
    /// Its sessions at the issuer of the secret show with which credential it is logged in.
    Sessions {
        /// What it calls itself there; every name where left out.
        application: Option<String>,
        /// The address it comes from; every address where left out.
        from: Option<String>,
    },
    /// It posts the answer of the handshake by itself.
    Attest,
    /// The pods of a workload say which version they were started for.
    Workload(WorkloadSpec),
    /// systemd says since when it runs, and when it was reloaded.
    Unit(UnitSpec),
    /// It cannot be seen; only a person's waiver passes it.
    None {
        /// Why.
        why: String,
    },
}

/// A workload of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadSpec {
    /// The store whose settings say how the cluster is reached.
    pub cluster: StoreSpec,
    /// `namespace/kind/name`.
    pub name: String,
}

/// A service of the systemd of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSpec {
    /// Such as `orders.service`.
    pub name: String,
    /// How it takes a new value over.
    pub by: UnitBy,
}

/// How a service takes a new value over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitBy {
    /// It reads it when it starts.
    Restart,
    /// It reads it again when it is reloaded.
    Reload,
}

/// A credential of keywheel's own, as a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// An environment variable of the daemon.
    Env(String),
    /// A file, read at each use.
    File(String),
}
