//! What may be written in `keywheel.toml`.

use super::file::{Key, Keys, Shape};
use crate::inventory::keys::{DEFAULTS, ISSUERS, STORES};

/// The whole file.
pub(crate) static CONFIG: Keys = Keys {
    title: "keywheel.toml",
    keys: &[&[
        Key::needed(
            "journal",
            // Names of hosts and databases may look random; `journal` looks for a password by itself.
            Shape::Plain,
            "`sqlite://keywheel.db` or `postgres://host/database`",
        ),
        Key::new(
            "inventory",
            Shape::Text,
            "folder of the inventory; `inventory` by default",
        ),
        Key::new(
            "schedules",
            Shape::Text,
            "folder of your own schedules; `schedules` by default",
        ),
        Key::new(
            "packs",
            Shape::Text,
            "folder of your own packs for issuers of kind `http`; `packs` by default",
        ),
        Key::new(
            "listen",
            Shape::Text,
            "loopback address at which a daemon answers consumers that attest; it listens nowhere where left out",
        ),
        Key::needed(
            "seal",
            Shape::Table(&SEAL),
            "`{ key_file = \"seal.key\" }`, made by `keywheel init`",
        ),
        Key::new(
            "hosts",
            Shape::Named(&HOSTS),
            "hosts that notify and verify may call, for each environment",
        ),
        Key::new(
            "units",
            Shape::Named(&UNITS),
            "services of systemd that the inventory may name, for each environment",
        ),
        Key::new(
            "programs",
            Shape::Named(&PROGRAM),
            "programs that the inventory may name",
        ),
        Key::new("stores", STORES, "stores for all environments"),
        Key::new("issuers", ISSUERS, "issuers for all environments"),
        Key::new(
            "defaults",
            Shape::Table(&DEFAULTS),
            "for every secret that says nothing else",
        ),
    ]],
    one_of: &[],
};

static SEAL: Keys = Keys {
    title: "the seal",
    keys: &[&[Key::needed(
        "key_file",
        Shape::Text,
        "file with the seal key, readable by its owner only",
    )]],
    one_of: &[],
};

static HOSTS: Shape = Shape::List(&Shape::Text);

// Instances may be called by anything, such as a hash.
static UNITS: Shape = Shape::List(&Shape::Plain);

static PROGRAM: Shape = Shape::Table(&Keys {
    title: "a program",
    keys: &[&[
        Key::needed("path", Shape::Text, "the program file"),
        Key::new(
            "sha256",
            Shape::Plain,
            "its hash in hexadecimal; another file is not run",
        ),
        Key::new("args", Shape::List(&Shape::Text), "fixed arguments"),
        Key::new("env", Shape::Pairs(&Shape::Text), "its whole environment"),
        Key::new("config", Shape::Any, "handed to the program as it is"),
        Key::new("deadline", Shape::Span, "how long one call may take"),
        Key::new("max_output", Shape::Count, "most bytes of one answer"),
    ]],
    one_of: &[],
});
