//! How a service tells of the credentials it made.

use super::Call;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A list of credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Asks for a page.
    pub call: Call,
    /// JSON pointer to the items; empty where the answer is the list.
    #[serde(default)]
    pub items: String,
    /// How the next page is asked for; one page where left out.
    #[serde(default)]
    pub pages: Option<Pages>,
    /// How an item is read.
    pub item: Item,
}

impl List {
    /// How every item is got.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk {
            call: &self.call,
            items: &self.items,
            pages: self.pages.as_ref(),
        }
    }
}

/// How every item of a list is got.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'p> {
    /// Asks for a page.
    pub(crate) call: &'p Call,
    /// JSON pointer to the items of a page.
    pub(crate) items: &'p str,
    /// How the next page is asked for.
    pub(crate) pages: Option<&'p Pages>,
}

/// How the next page is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pages {
    /// By what the answer points to: a parameter of the query, and where the answer has its value.
    Cursor {
        /// The parameter.
        query: String,
        /// JSON pointer to its value, with `-` for the last item of a list; there is no further page where it is missing,
        /// null or empty.
        at: String,
        /// JSON pointer to whether there is a further page, where the answer says so.
        #[serde(default)]
        more: Option<String>,
    },
    /// By number, until a page has no item: how many fit on one is the service's to say.
    Number {
        /// The parameter.
        query: String,
        /// The first page's number.
        first: u32,
        /// What the number grows by from page to page: 1, or how many items are on one where they are counted.
        #[serde(default = "one")]
        step: u32,
    },
    /// By the address in the answer, of the same host.
    Address {
        /// JSON pointer to it; there is no further page where it is missing, null or empty.
        at: String,
    },
    /// By the address in the header `Link` (RFC 8288), of the same host.
    Link {},
}

const fn one() -> u32 {
    1
}

/// How an item is read: JSON pointers into it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The credential's id.
    pub id: String,
    /// The id is computed from what is there.
    #[serde(default)]
    pub id_is: Cut,
    /// What later calls name it by, as `{ref}`, where that is not the id.
    #[serde(default, rename = "ref")]
    pub reference: Option<String>,
    /// The tag that we gave it.
    #[serde(default)]
    pub tag: Option<String>,
    /// Its beginning and end as people are shown it: `sk-abc...xyz`.
    #[serde(default)]
    pub hint: Option<String>,
    /// Whether it is honoured; every listed one is, where left out.
    #[serde(default)]
    pub state: Option<States>,
    /// Only items that have these are credentials of ours.
    #[serde(default)]
    pub only: BTreeMap<String, Value>,
}

/// What is computed from a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Nothing: the text itself.
    #[default]
    Itself,
    /// `hmac:` and a fingerprint by a key of keywheel's own, by which nobody else can guess it.
    Fingerprint,
    /// `SHA256:` and so on, as OpenSSH names a public key.
    SshFingerprint,
}

/// Words for states; any other word tells nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct States {
    /// JSON pointer to the word.
    pub at: String,
    /// Honoured.
    pub active: Vec<Value>,
    /// Ended reversibly.
    #[serde(default)]
    pub disabled: Vec<Value>,
    /// Ended for good, though it is still shown.
    #[serde(default)]
    pub gone: Vec<Value>,
}

/// Looks at one credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Asks for it by `{id}`.
    pub call: Call,
    /// JSON pointer to it in the answer; empty where it is the answer.
    #[serde(default)]
    pub at: String,
    /// Words for its state; it is honoured where left out.
    #[serde(default)]
    pub state: Option<States>,
}

/// Which credential a value is; exactly one of the ways.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identify {
    /// Asks with the credential itself; takes `id`.
    #[serde(default)]
    pub call: Option<Call>,
    /// The only listed one whose hint fits this field.
    #[serde(default)]
    pub by_hint: Option<String>,
    /// This field, cut.
    #[serde(default)]
    pub cut: Option<(String, Cut)>,
}

/// When a credential was last used. Read from its own calls, else from where the credential is looked at or listed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastUsed {
    /// JSON pointer to the moment in the item. Null, 0 or an empty text there: never. Nothing there: it cannot be told.
    pub at: String,
    /// The service leaves the moment out of a credential that was never used: then nothing there means never, too.
    #[serde(default)]
    pub left_out: bool,
    /// How the moment is written.
    pub moment: Moment,
    /// The figure is complete up to so many seconds ago.
    pub lag_seconds: u32,
    /// Coarsest unit of the moment, in seconds.
    pub granularity_seconds: u32,
    /// A list of its own.
    #[serde(default)]
    pub list: Option<List>,
    /// Spans of time in which it was used: the last that counts is the last use.
    #[serde(default)]
    pub buckets: Option<Buckets>,
}

/// When a credential ends by itself. Read from where it is looked at or listed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expires {
    /// JSON pointer to the moment in the item. Null, 0 or an empty text there: never. Nothing there: it cannot be told.
    pub at: String,
    /// The service leaves the moment out of a credential that does not end: then nothing there means never, too.
    #[serde(default)]
    pub left_out: bool,
    /// How the moment is written; a date is its first moment in UTC.
    pub moment: Moment,
}

/// Spans of time with what was used in them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buckets {
    /// Asks for those of `{id}`.
    pub call: Call,
    /// JSON pointer to the spans.
    pub items: String,
    /// How the next page is asked for.
    #[serde(default)]
    pub pages: Option<Pages>,
    /// A span counts if it has something here. One that has not even what this lies in cannot be read.
    pub counts: String,
}

impl Buckets {
    /// How every span is got.
    pub(crate) fn walk(&self) -> Walk<'_> {
        Walk {
            call: &self.call,
            items: &self.items,
            pages: self.pages.as_ref(),
        }
    }
}

/// How a moment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Seconds since 1970.
    Unix,
    /// RFC 3339.
    Rfc3339,
    /// `2026-01-31`.
    Date,
}
