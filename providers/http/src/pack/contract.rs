//! The contract block: how the service behaves, exactly enough to play it in a test.

use super::{Hmac, Jwt, Sigv4};
use crate::text::Text;
use keywheel_signing::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How the service behaves. Its texts may name what [`Key`] says of a credential, and `tag`, `state`, `created`, `used`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Settings to test with.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Our own credentials, by name; they must say `example`.
    #[serde(default)]
    pub credentials: BTreeMap<String, String>,
    /// Those of our own credentials that are private keys: drawn anew for each test.
    #[serde(default)]
    pub keys: BTreeMap<String, Algorithm>,
    /// Where the service begins, such as `/api/v4`, where the pack has no base.
    #[serde(default)]
    pub path: String,
    /// What one credential looks like there.
    pub key: Key,
    /// What shows who asks, by the names of the pack's `auth`.
    #[serde(default)]
    pub auth: BTreeMap<String, Gate>,
    /// Most credentials at once.
    #[serde(default)]
    pub room: Option<usize>,
    /// The answer where there is no room.
    #[serde(default)]
    pub full: Option<(u16, Value)>,
    /// The answer to a call by nobody known.
    pub refused: (u16, Value),
    /// The answer about a credential that is not there.
    pub missing: (u16, Value),
    /// What can be called.
    pub routes: Vec<Route>,
}

/// What a credential looks like: `{n}` counts, `{draw_N}` are N random characters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its id.
    pub id: Text,
    /// Its fields as the service makes them.
    #[serde(default)]
    pub fields: BTreeMap<String, Text>,
    /// Words for `active`, `disabled` and `ended`; an ended one without a word is not shown any more.
    #[serde(default)]
    pub states: BTreeMap<String, Value>,
}

/// What shows who asks: headers, basic authentication, or what is signed. It is said once more than in the pack's
/// `auth`, with the values of the test: what a pack signs otherwise than its service checks is refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// Headers, by lower-case name.
    pub headers: BTreeMap<String, Text>,
    /// `user:password`.
    pub basic: Option<Text>,
    /// The `{assertion}` of headers or body is a token like this; `*` in its claims is anything.
    pub jwt: Option<Jwt>,
    /// The `{signature}` of the headers is a code like this.
    pub hmac: Option<Hmac>,
    /// The header `authorization` is a signature like this.
    pub sigv4: Option<Sigv4>,
}

/// One thing that can be called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// `GET /path/{id}`; below the base.
    pub call: String,
    /// Who may; `none` for everybody.
    pub auth: String,
    /// What it does.
    pub does: Does,
    /// Exactly what the body has; `{tag}` and fields are taken from it, `*` is anything.
    #[serde(default)]
    pub takes: Option<Value>,
    /// The status of a good answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// A good answer.
    #[serde(default)]
    pub answer: Value,
    /// One item of the list in it, as `{items}`.
    #[serde(default)]
    pub item: Option<Value>,
    /// How pages are asked for.
    #[serde(default)]
    pub pages: Option<Paging>,
    /// The parameter of the query that says of which one it tells; of none, where it is missing.
    #[serde(default)]
    pub of: Option<String>,
    /// The state that it sets.
    #[serde(default)]
    pub state: Option<String>,
    /// It may only be done in this state, else the answer is this.
    #[serde(default)]
    pub needs: Option<(String, u16, Value)>,
}

const fn ok() -> u16 {
    200
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Makes a credential.
    Create,
    /// Lists them.
    List,
    /// Lists those that were used, in place of the spans of time in which they were.
    Uses,
    /// Looks at one.
    Look,
    /// Sets the state of one.
    Set,
    /// Replaces the value of the only one.
    Replace,
    /// Ends one.
    End,
    /// Uses the one that asks.
    Use,
    /// Hands out a token for `{token}`.
    Login,
    /// Ends the one in the path and makes another. Where that one was ended before, every one ends: the trap of those
    /// services that take a second use for a theft.
    Rotate,
}

/// How pages are asked for; two items are on each.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Paging {
    /// By a parameter with the last item's `{id}` of the page before: `{last}` and `{more}` in the answer.
    Cursor(String),
    /// By a parameter with the page's number, from 1.
    Number(String),
    /// The same from 0.
    FromZero(String),
    /// By a parameter with the number of items on the pages before.
    Offset(String),
    /// By the header `Link`.
    Link(String),
    /// By the address in the answer: `{next_page}`.
    Address(String),
}
