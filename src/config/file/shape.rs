//! Tables of keys: what may be written where. The check and the JSON Schema both read them.

use serde_json::{Map, Value};
use std::path::Path;

/// What a value must be.
pub(crate) enum Shape {
    /// Prose, names, paths and addresses; searched for literal credentials.
    Text,
    /// Text that may look random: hashes, alphabets, ids.
    Plain,
    /// True or false.
    Flag,
    /// A whole number from one up.
    Count,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A length of time such as `30d`.
    Span,
    /// A local date.
    Date,
    /// `{ env = "…" }` or `{ file = "…" }`.
    Reference,
    /// Any number of these.
    List(&'static Shape),
    /// A table with fixed keys.
    Table(&'static Keys),
    /// A table whose keys are names that a person chooses.
    Named(&'static Shape),
    /// A table whose keys are free, such as field names.
    Pairs(&'static Shape),
    /// A table whose keys follow from its `kind`.
    Kinded(&'static Kinded),
    /// Whatever a program of the user's reads; only searched for literal credentials.
    Any,
    /// Settings of a pack: numbers, lists, and ids that may look random. What says by its name that it is a credential
    /// is one.
    #[cfg(feature = "http")]
    Settings,
}

/// The keys of one table.
pub(crate) struct Keys {
    /// What the table is, for people.
    pub(crate) title: &'static str,
    /// The keys, in lists that several tables share.
    pub(crate) keys: &'static [&'static [Key]],
    /// Exactly one of these must be there; empty: no such rule.
    pub(crate) one_of: &'static [&'static str],
}

impl Keys {
    /// Every key of every list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static Key> + Clone {
        self.keys.iter().flat_map(|list| list.iter())
    }
}

/// One key.
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its value must be.
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) needed: bool,
    /// What it is for.
    pub(crate) about: &'static str,
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self {
            name,
            shape,
            needed: false,
            about,
        }
    }

    /// A key that must be there.
    pub(crate) const fn needed(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self {
            name,
            shape,
            needed: true,
            about,
        }
    }
}

/// A table that names its provider.
pub(crate) struct Kinded {
    /// What the table is, for people.
    pub(crate) title: &'static str,
    /// The providers.
    pub(crate) kinds: &'static [Kind],
    /// Whether `use = "name"` may stand instead of `kind`; then the other keys are checked once it is found.
    pub(crate) by_use: bool,
}

impl Kinded {
    /// The provider of that name.
    pub(crate) fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

/// One provider, as far as the inventory must know it.
pub(crate) struct Kind {
    /// Its name in `kind = "…"`.
    pub(crate) name: &'static str,
    /// Its settings.
    pub(crate) keys: &'static [Key],
    /// An issuer whose values nobody but their consumers honours.
    pub(crate) generated: bool,
    /// The fields of its credentials; empty where only the provider knows.
    pub(crate) fields: &'static [&'static str],
    /// Those of them that are no secret, and that to hold proves nothing.
    pub(crate) public_fields: &'static [&'static str],
    /// A store whose places must name fields.
    pub(crate) needs_fields: bool,
    /// Its settings that are addresses we show a credential to.
    pub(crate) addresses: &'static [&'static str],
    /// Hosts of the vendor's own, allowed without being listed: exact names and `*.suffix`.
    pub(crate) vendor_hosts: &'static [&'static str],
    /// A store whose places hold many secrets side by side: each field is one of its own.
    pub(crate) shares_places: bool,
    /// A store that takes values and never shows them: it follows the place that a secret is published to first.
    pub(crate) sink: bool,
    /// Why an issuer cannot tell who is logged in with a credential; `None` where it can, or only a program knows.
    pub(crate) no_sessions: fn(&Map<String, Value>) -> Option<&'static str>,
    /// An issuer that dates the last use of a credential, whatever its settings.
    pub(crate) dates_use: bool,
    /// The setting that says how long what was made with an old credential is used: the overlap is no shorter.
    pub(crate) overlap_covers: Option<&'static str>,
    /// Why settings of the right types cannot work together, if so.
    pub(crate) try_out: fn(&Map<String, Value>) -> Option<String>,
    /// What follows from several settings together, with the folder of packs; or why they cannot work together.
    pub(crate) follows: fn(&Map<String, Value>, &Path) -> MayFollow,
}

/// What follows, if anything, or why nothing can.
pub(crate) type MayFollow = Result<Option<Follows>, String>;

/// What follows from an issuer's settings where not each says it by itself.
pub(crate) struct Follows {
    /// The addresses that we show a credential to, by the key that may say them.
    pub(crate) addresses: Vec<(&'static str, String)>,
    /// Hosts of the vendor's own.
    pub(crate) vendor_hosts: Vec<String>,
    /// What a person does who makes a credential, where the entry does not say.
    pub(crate) instructions: Option<String>,
    /// The fields of its credentials.
    pub(crate) fields: Vec<String>,
    /// Whether it dates the last use of a credential that is honoured beside another one.
    pub(crate) dates_use: bool,
}

impl Kind {
    /// A provider about which nothing special is known, to be completed with name and keys.
    pub(crate) const PLAIN: Self = Self {
        name: "",
        keys: &[],
        generated: false,
        fields: &[],
        public_fields: &[],
        needs_fields: false,
        addresses: &[],
        vendor_hosts: &[],
        shares_places: false,
        sink: false,
        no_sessions: |_| Some("it knows of no sessions"),
        dates_use: false,
        overlap_covers: None,
        try_out: |_| None,
        follows: |_, _| Ok(None),
    };
}
