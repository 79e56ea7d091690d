//! A pack: everything that keywheel knows of one service's credentials, as data. `docs/packs.md` shows how to write one.

mod auth;
mod calls;
mod check;
mod contract;
mod field;
mod lists;
mod outcome;

pub use auth::{Auth, Coding, Hmac, Jwt, Login, Sigv4, Tls};
pub use calls::{Call, Method, Turn};
pub use contract::{Contract, Does, Gate, Key, Paging, Route};
pub use field::{Draw, Field, Parameter};
pub(crate) use lists::Walk;
pub use lists::{
    Buckets, Cut, Expires, Identify, Item, LastUsed, List, Look, Moment, Pages, States,
};
pub use outcome::{Outcome, Rule};

use keywheel_contract::{ChosenBy, Error, Result, Style};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A pack. Names in braces stand for: its parameters, its `credentials`, the fields of the credential, `id` and `ref` of
/// the credential at hand, `tag`, what calls before took, and moments: `now`, `days_ago_31`, `in_days_90`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// How the inventory calls it.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Where the service is; the inventory may say otherwise, and must where this is left out.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Hosts of the vendor's own, to which its credentials may be sent without being listed in `hosts`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where the facts in it are from.
    pub sources: Vec<String>,
    /// The smallest rights of our own credential that suffice.
    pub least_privilege: String,
    /// Limits and pitfalls that a person should know.
    pub limits: String,
    /// What a person does who makes a credential, or ends one where this cannot.
    #[serde(default)]
    pub instructions: Option<String>,
    /// Settings that the inventory gives, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// What keywheel itself is known by there: name, and what it is.
    #[serde(default)]
    pub credentials: BTreeMap<String, String>,
    /// The fields of what is issued.
    pub fields: BTreeMap<String, Field>,
    /// How one credential follows another.
    pub style: Style,
    /// Who chooses the value.
    pub chosen_by: ChosenBy,
    /// `mint` with the same tag twice makes one.
    #[serde(default)]
    pub idempotent: bool,
    /// The value may be set again after it was ended.
    #[serde(default)]
    pub reuse: bool,
    /// A change is seen everywhere after so many seconds, or sooner: until then a new credential that is refused or not
    /// listed may be a young one. 0 where changes are seen at once.
    #[serde(default)]
    pub converges_seconds: u32,
    /// Ways to say who asks; operations use `admin`, tests `key`.
    #[serde(default)]
    pub auth: BTreeMap<String, Auth>,
    /// What answers mean, beside what their status says by itself.
    #[serde(default)]
    pub outcomes: Vec<Rule>,
    /// Makes a credential: takes `id` and every field.
    #[serde(default)]
    pub mint: Vec<Call>,
    /// Makes the service honour a value that we chose.
    #[serde(default)]
    pub apply: Vec<Call>,
    /// Has the service itself use the new value from now on.
    #[serde(default)]
    pub activate: Vec<Call>,
    /// Uses a credential as its consumers would.
    #[serde(default)]
    pub test: Option<Call>,
    /// Which credential a value is.
    #[serde(default)]
    pub identify: Option<Identify>,
    /// Lists the credentials.
    #[serde(default)]
    pub list: Option<List>,
    /// Looks at one of them.
    #[serde(default)]
    pub look: Option<Look>,
    /// When one ends by itself; none does where left out.
    #[serde(default)]
    pub expires: Option<Expires>,
    /// When one was last used.
    #[serde(default)]
    pub last_used: Option<LastUsed>,
    /// Ends one so that `enable` brings it back.
    #[serde(default)]
    pub disable: Vec<Call>,
    /// Undoes `disable`.
    #[serde(default)]
    pub enable: Vec<Call>,
    /// Ends one for good.
    #[serde(default)]
    pub revoke: Vec<Call>,
    /// The exchange by which the pack is tested.
    pub contract: Contract,
}

impl Pack {
    /// Reads a pack and checks that it can work.
    ///
    /// # Errors
    /// `Invalid`, with the place: a line of the file, or the name of what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        // A pack holds no values, so that the parser may quote it.
        let pack: Self = toml::from_str(text).map_err(|error| Error::invalid(error.to_string()))?;
        check::check(&pack)
            .map_err(|why| Error::invalid(format!("pack `{}`: {why}", pack.name)))?;
        Ok(pack)
    }

    /// Whether it is tested by a call that is sent as a change.
    pub(crate) fn test_changes(&self) -> bool {
        self.test.as_ref().is_some_and(|call| call.get.is_none())
    }

    /// Where tokens are asked for, where that is another host than the service's.
    pub(crate) fn door(&self) -> Option<&str> {
        let logins = self.auth.values().filter_map(|auth| auth.login.as_ref());
        logins.filter_map(|login| login.base_url.as_deref()).next()
    }

    /// Whether some connection shows a certificate of ours.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.auth.values().any(|auth| auth.tls.is_some())
    }

    /// Whether somebody who looks signs a moment.
    pub(crate) fn looks_signed(&self) -> bool {
        let call = self.look.as_ref().map(|look| &look.call);
        let call = call.or(self.list.as_ref().map(|list| &list.call));
        call.is_some_and(|call| self.signs(call, "admin"))
    }

    /// Whether a test signs a moment.
    pub(crate) fn tests_signed(&self) -> bool {
        self.test
            .as_ref()
            .is_some_and(|call| self.signs(call, "key"))
    }

    fn signs(&self, call: &Call, usual: &str) -> bool {
        let auth = call.auth.as_deref().unwrap_or(usual);
        self.auth.get(auth).is_some_and(Auth::is_signed)
    }

    /// Whether a credential is ended only for whoever shows it.
    pub(crate) fn shows_to_revoke(&self) -> bool {
        let shown = |call: &Call| {
            check::names(call)
                .iter()
                .any(|name| self.fields.contains_key(name))
        };
        self.revoke.iter().any(shown)
    }

    /// Every call with the name of its operation and the way in which it says who asks.
    pub(crate) fn calls(&self) -> Vec<(&'static str, &'static str, &Call)> {
        let each = |name, calls: &'static str| (name, calls);
        let several = [
            (each("mint", "admin"), &self.mint),
            (each("apply", "admin"), &self.apply),
            (each("activate", "admin"), &self.activate),
            (each("disable", "admin"), &self.disable),
            (each("enable", "admin"), &self.enable),
            (each("revoke", "admin"), &self.revoke),
        ];
        let mut all: Vec<_> = several
            .into_iter()
            .flat_map(|((name, auth), calls)| calls.iter().map(move |call| (name, auth, call)))
            .collect();
        all.extend(self.test.iter().map(|call| ("test", "key", call)));
        let identify = self
            .identify
            .as_ref()
            .and_then(|identify| identify.call.as_ref());
        all.extend(identify.map(|call| ("identify", "key", call)));
        all.extend(self.list.iter().map(|list| ("list", "admin", &list.call)));
        all.extend(self.look.iter().map(|look| ("look", "admin", &look.call)));
        if let Some(used) = &self.last_used {
            all.extend(
                used.list
                    .iter()
                    .map(|list| ("last_used", "admin", &list.call)),
            );
            all.extend(
                used.buckets
                    .iter()
                    .map(|buckets| ("last_used", "admin", &buckets.call)),
            );
        }
        all
    }
}
