//! What may be written in the files of the inventory and in schedules.

use super::kinds::{ISSUER_KINDS, ISSUER_OF_SECRET, STORE_KINDS};
use crate::config::file::{Key, Keys, Shape};

/// `inventory/shared.toml`.
pub(crate) static SHARED: Keys = Keys {
    title: "inventory/shared.toml: owners, templates, stores and issuers for all environments",
    keys: &[
        &[
            Key::new("owners", Shape::Named(&OWNER), "who answers for secrets"),
            Key::new(
                "templates",
                Shape::Named(&TEMPLATE),
                "entries that secrets refer to by `like`",
            ),
        ],
        PROVIDERS,
    ],
    one_of: &[],
};

/// `inventory/ENVIRONMENT/environment.toml`.
pub(crate) static ENVIRONMENT: Keys = Keys {
    title: "environment.toml: what holds for one environment",
    keys: &[
        &[
            Key::needed(
                "environment",
                Shape::Text,
                "the environment's name, equal to its folder's",
            ),
            Key::new(
                "defaults",
                Shape::Table(&DEFAULTS),
                "for every secret of it that says nothing else",
            ),
            Key::new(
                "max_starts_per_day",
                Shape::Count,
                "rotations that the schedule may start in 24 hours",
            ),
        ],
        PROVIDERS,
    ],
    one_of: &[],
};

/// Any other `inventory/ENVIRONMENT/*.toml`.
pub(crate) static TEAM: Keys = Keys {
    title: "a team file: secrets of one environment",
    keys: &[&[
        Key::new(
            "defaults",
            Shape::Table(&DEFAULTS),
            "for every secret of this file that says nothing else",
        ),
        Key::new("secrets", Shape::Named(&SECRET), "the secrets"),
    ]],
    one_of: &[],
};

/// `schedules/*.toml`.
pub(crate) static SCHEDULE: Keys = Keys {
    title: "a schedule",
    keys: &[
        &[Key::new(
            "replaces",
            Shape::Text,
            "the preset of the same name, said out loud",
        )],
        TIMING_KEYS,
    ],
    one_of: &[],
};

/// `defaults` at every level.
pub(crate) static DEFAULTS: Keys = Keys {
    title: "defaults",
    keys: &[DEFAULT_KEYS],
    one_of: &[],
};

/// `[stores]`.
pub(crate) const STORES: Shape = Shape::Named(&Shape::Kinded(&STORE_KINDS));
/// `[issuers]`.
pub(crate) const ISSUERS: Shape = Shape::Named(&Shape::Kinded(&ISSUER_KINDS));

const PROVIDERS: &[Key] = &[
    Key::new("stores", STORES, "secret stores"),
    Key::new("issuers", ISSUERS, "issuers of credentials"),
];

const DEFAULT_KEYS: &[Key] = &[
    Key::new("owner", Shape::Text, "key of an owner in shared.toml"),
    Key::new(
        "tags",
        Shape::List(&Shape::Text),
        "labels for selectors and audits",
    ),
    Key::new(
        "manage",
        Shape::Words(&MANAGE),
        "track: dates only; approve: a person starts each; auto",
    ),
    Key::new(
        "schedule",
        Shape::Text,
        "a preset, or a file in `schedules`",
    ),
    Key::new(
        "timing",
        Shape::Table(&TIMING),
        "overrides keys of the schedule",
    ),
];

/// The words of `manage`.
pub(crate) const MANAGE: [&str; 3] = ["track", "approve", "auto"];
/// The words of `proof`.
const PROOF: [&str; 4] = ["delivered", "restarted", "claimed", "proven"];
/// The words of `role`.
const ROLE: [&str; 2] = ["accepts", "presents"];

const TEMPLATE_KEYS: &[Key] = &[
    Key::new("impact", Shape::Text, "what breaks when this secret does"),
    Key::new(
        "issuer",
        Shape::Kinded(&ISSUER_OF_SECRET),
        "who makes and honours the credential",
    ),
    Key::new(
        "publish_to",
        Shape::List(&DESTINATION),
        "where it is published; the first is the main one",
    ),
    Key::new("consumers", Shape::Named(&CONSUMER), "who uses it"),
    Key::new("no_consumers", Shape::Text, "why nobody is listed"),
    Key::new(
        "in_place",
        Shape::Text,
        "why the old value may die when the new one is applied",
    ),
    Key::new(
        "new_used",
        Shape::Flag,
        "its issuer has to see somebody use the new credential before the old one is ended",
    ),
];

static TEMPLATE: Shape = Shape::Table(&Keys {
    title: "a template",
    keys: &[DEFAULT_KEYS, TEMPLATE_KEYS],
    one_of: &[],
});

static SECRET: Shape = Shape::Table(&Keys {
    title: "a secret",
    keys: &[
        &[
            Key::new("like", Shape::Text, "key of a template in shared.toml"),
            Key::new(
                "current_id",
                Shape::Plain,
                "the issuer's id of the credential in use now",
            ),
            Key::new(
                "formerly",
                Shape::List(&Shape::Text),
                "former names, so that history survives",
            ),
        ],
        DEFAULT_KEYS,
        TEMPLATE_KEYS,
    ],
    one_of: &[],
});

static DESTINATION: Shape = Shape::Table(&Keys {
    title: "a destination",
    keys: &[&[
        Key::needed("store", Shape::Text, "key of a store"),
        Key::needed(
            "path",
            Shape::Text,
            "path inside it; `{environment}` and `{name}` are filled in",
        ),
        Key::new("field", Shape::Text, "the field that holds the value"),
        Key::new(
            "fields",
            Shape::Pairs(&Shape::Text),
            "templates by field name, such as \"{password|url}\"",
        ),
        Key::new(
            "selector",
            Shape::Text,
            "how consumers choose a version there",
        ),
        Key::new(
            "proof_field",
            Shape::Text,
            "the field that a handshake proves",
        ),
    ]],
    one_of: &[],
});

static CONSUMER: Shape = Shape::Table(&Keys {
    title: "a consumer",
    keys: &[&[
        Key::new(
            "canary",
            Shape::Flag,
            "notified and proven before the others",
        ),
        Key::new("role", Shape::Words(&ROLE), "its side of a generated value"),
        Key::new(
            "reads",
            Shape::Text,
            "the destination it reads, as store:path or store",
        ),
        Key::new("notify", Shape::Table(&NOTIFY), "how it is told"),
        Key::new("verify", Shape::Table(&VERIFY), "how it is seen"),
        Key::new(
            "workload",
            Shape::Table(&WORKLOAD),
            "told and seen by its cluster, where `notify` and `verify` say nothing else",
        ),
        Key::new(
            "systemd",
            Shape::Table(&SYSTEMD),
            "a service told and seen by systemd, where `notify` and `verify` say nothing else",
        ),
        Key::new(
            "instances",
            Shape::Count,
            "how many distinct instances must answer",
        ),
        Key::new(
            "proof",
            Shape::Words(&PROOF),
            "weakest evidence accepted from it",
        ),
    ]],
    one_of: &[],
});

static WORKLOAD: Keys = Keys {
    title: "`workload`",
    keys: &[&[
        Key::needed(
            "kubernetes",
            Shape::Text,
            "namespace/deployment/name, or `statefulset` or `daemonset` in the middle",
        ),
        Key::new(
            "cluster",
            Shape::Text,
            "key of a store of kind `kubernetes`; the only one where left out",
        ),
    ]],
    one_of: &[],
};

static SYSTEMD: Keys = Keys {
    title: "`systemd`",
    keys: &[&[
        Key::new(
            "restart",
            Shape::Plain,
            "service of `units` in keywheel.toml that reads the value when it starts",
        ),
        Key::new(
            "reload",
            Shape::Plain,
            "the same, which reads it again when it is reloaded",
        ),
    ]],
    one_of: &["restart", "reload"],
};

static NOTIFY: Keys = Keys {
    title: "`notify`",
    keys: &[&[
        Key::new("http", Shape::Text, "address to POST to"),
        Key::new("exec", Shape::Text, "program of keywheel.toml to run"),
        Key::new("none", Shape::Text, "why nothing need be done"),
        Key::new("bearer", Shape::Reference, "token to send"),
    ]],
    one_of: &["http", "exec", "none"],
};

static VERIFY: Keys = Keys {
    title: "`verify`",
    keys: &[&[
        Key::new("http", Shape::Text, "address that answers the handshake"),
        Key::new(
            "exec",
            Shape::Text,
            "program of keywheel.toml that answers for it",
        ),
        Key::new("file", Shape::Text, "file that the consumer reads"),
        Key::new("none", Shape::Text, "why it cannot be seen"),
        Key::new("bearer", Shape::Reference, "token to send"),
        Key::new(
            "instances",
            Shape::Count,
            "how many distinct instances must answer",
        ),
        Key::new(
            "pid_file",
            Shape::Text,
            "with `file`: holds the reader's process id",
        ),
        Key::new(
            "reloaded_file",
            Shape::Text,
            "with `file`: touched after each reload",
        ),
        Key::new(
            "sessions",
            Shape::Flag,
            "true: its sessions at the issuer show what it logs in with",
        ),
        Key::new(
            "attest",
            Shape::Flag,
            "true: it posts the answer of the handshake to `listen` of keywheel.toml",
        ),
        Key::new(
            "application",
            Shape::Text,
            "with `sessions`: what it calls itself there",
        ),
        Key::new(
            "from",
            Shape::Text,
            "with `sessions`: the address or network it comes from",
        ),
    ]],
    one_of: &["http", "exec", "file", "sessions", "attest", "none"],
};

static OWNER: Shape = Shape::Table(&Keys {
    title: "an owner",
    keys: &[&[
        Key::new("email", Shape::Text, "address of the team"),
        Key::new("chat", Shape::Text, "channel, such as slack:#team"),
        Key::new("page", Shape::Text, "pager, such as pagerduty:team"),
        Key::new("escalate_to", Shape::Text, "the owner who is told next"),
        Key::new("after", Shape::Span, "how long before that"),
    ]],
    one_of: &[],
});

static TIMING: Keys = Keys {
    title: "timing",
    keys: &[TIMING_KEYS],
    one_of: &[],
};

const TIMING_KEYS: &[Key] = &[
    Key::new("every", Shape::Span, "period; excludes `cron`"),
    Key::new("cron", Shape::Text, "five fields; excludes `every`"),
    Key::new("jitter", Shape::Span, "starts up to this much earlier"),
    Key::new(
        "due_soon",
        Shape::Span,
        "shown as due soon this long before",
    ),
    Key::new(
        "proof",
        Shape::Words(&PROOF),
        "weakest evidence accepted from each instance",
    ),
    Key::new(
        "prove_within",
        Shape::Span,
        "then one more notify, then blocked",
    ),
    Key::new(
        "overlap",
        Shape::Span,
        "both valid at least this long after the last proof",
    ),
    Key::new(
        "quiet",
        Shape::Span,
        "no use of the old one seen for this long",
    ),
    Key::new("undo", Shape::Span, "disabled, not yet ended for good"),
    Key::new(
        "time_zone",
        Shape::Text,
        "zone of cron, windows and blackouts",
    ),
    Key::new(
        "window",
        Shape::List(&Shape::Text),
        "when to mint, publish and notify, such as \"Mon-Thu 09:00-16:00\"",
    ),
    Key::new(
        "disable_window",
        Shape::List(&Shape::Text),
        "when to disable and revoke",
    ),
    Key::new(
        "blackout",
        Shape::List(&BLACKOUT),
        "dates on which nothing starts",
    ),
    Key::new(
        "first_due",
        Shape::Date,
        "not before, where it was never rotated",
    ),
    Key::new(
        "apart_from",
        Shape::List(&Shape::Text),
        "secrets of this environment never rotated at the same time",
    ),
];

static BLACKOUT: Shape = Shape::Table(&Keys {
    title: "a blackout",
    keys: &[&[
        Key::needed("from", Shape::Date, "first date"),
        Key::needed("to", Shape::Date, "last date, included"),
        Key::needed("why", Shape::Text, "why"),
    ]],
    one_of: &[],
});
