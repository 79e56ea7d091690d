//! The providers that the inventory may name, with their settings. A new provider adds its lines here.

use crate::config::file::{Key, Kind, Kinded, Shape};

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
            ],
            generated: false,
            fields: &[],
        },
        Kind {
            name: "dotenv",
            keys: &[Key::new(
                "root",
                Shape::Text,
                "folder; each path is an env file below it",
            )],
            generated: false,
            fields: &[],
        },
        Kind {
            name: "exec",
            keys: EXEC,
            generated: false,
            fields: &[],
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
            Key::new(
                "require",
                Shape::List(&Shape::Plain),
                "character classes that must occur",
            ),
            Key::new("encoding", Shape::Plain, "how random bytes are written"),
            Key::new("template", Shape::Plain, "text around the random part"),
            Key::new(
                "allow_weak",
                Shape::Text,
                "why less than 128 bits is enough",
            ),
        ],
        generated: true,
        fields: &["value"],
    },
    Kind {
        name: "manual",
        keys: &[
            Key::new("prefix", Shape::Plain, "how each value begins"),
            Key::new("min_length", Shape::Count, "fewest characters"),
            Key::new("max_length", Shape::Count, "most characters"),
            Key::new("alphabet", Shape::Plain, "which characters"),
            Key::new(
                "require",
                Shape::List(&Shape::Plain),
                "kinds of characters that must occur",
            ),
            Key::new(
                "instructions",
                Shape::Text,
                "what the person who makes it does",
            ),
        ],
        generated: false,
        fields: &["value"],
    },
    Kind {
        name: "exec",
        keys: EXEC,
        generated: false,
        fields: &[],
    },
];

const EXEC: &[Key] = &[
    Key::needed(
        "program",
        Shape::Text,
        "its name below `programs` in keywheel.toml",
    ),
    Key::new("config", Shape::Any, "handed to the program as it is"),
];
