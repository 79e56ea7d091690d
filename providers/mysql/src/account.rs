//! An account as the server keeps it (pure).

use crate::native;
use keywheel_contract::{Error, Result};

/// What gets somebody in: a method, and what it compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method {
    /// `mysql_native_password`, `caching_sha2_password`, `unix_socket`, …
    pub(crate) plugin: String,
    /// A hash, mostly.
    pub(crate) text: String,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// In the order in which the server tries them: on MySQL the current password, then the retained one.
    pub(crate) methods: Vec<Method>,
    pub(crate) locked: bool,
    pub(crate) seen: Seen,
}

/// What a change is compared with, where the server can do that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Of the account; two states of it have different ones.
    pub(crate) digest: String,
    /// When it was read, by the server's clock: seconds since 1970.
    pub(crate) at: u64,
}

impl Account {
    /// Whether this is one of its passwords.
    pub(crate) fn has(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// # Errors
    /// `Invalid`: a new password would do no good.
    pub(crate) fn ensure_usable(&self, name: &str) -> Result<()> {
        if self.methods.iter().any(Method::lets_anybody_in) {
            return Err(takes_any(name));
        }
        match self.locked {
            true => Err(is_locked(name)),
            false => Ok(()),
        }
    }
}

impl Method {
    pub(crate) fn native(hash: &str) -> Self {
        Self {
            plugin: native::PLUGIN.to_owned(),
            text: hash.to_owned(),
        }
    }

    /// What lets nobody in, as MariaDB's own installation writes it.
    pub(crate) fn nobody() -> Self {
        Self::native("invalid")
    }

    /// An empty password is one.
    fn lets_anybody_in(&self) -> bool {
        let passwords = [
            native::PLUGIN,
            "mysql_old_password",
            "caching_sha2_password",
            "ed25519",
        ];
        self.text.is_empty()
            && (self.plugin.is_empty() || passwords.contains(&self.plugin.as_str()))
    }
}

pub(crate) fn is_locked(name: &str) -> Error {
    Error::invalid(format!(
        "account {name} is locked, so that no password of it works: find out why, then `ALTER USER … ACCOUNT UNLOCK`"
    ))
}

pub(crate) fn takes_any(name: &str) -> Error {
    Error::invalid(format!(
        "account {name} gets in without its password: give it one by hand first, which takes the others' access away"
    ))
}

pub(crate) fn is_missing(name: &str) -> Error {
    Error::not_found(format!(
        "there is no account {name}: make it first, with the rights it needs"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Account, Method, Seen};

    fn account(plugin: &str, text: &str, locked: bool) -> Account {
        let method = Method {
            plugin: plugin.to_owned(),
            text: text.to_owned(),
        };
        Account {
            methods: vec![Method::native("*00"), method],
            locked,
            seen: Seen::default(),
        }
    }

    #[test]
    fn only_who_is_not_locked_and_has_a_password_is_rotated() {
        for (plugin, text, locked, said) in [
            ("mysql_native_password", "*11", false, ""),
            ("unix_socket", "", false, ""),
            ("mysql_native_password", "", false, "without its password"),
            ("caching_sha2_password", "", false, "without its password"),
            ("mysql_native_password", "*11", true, "is locked"),
        ] {
            let error = account(plugin, text, locked).ensure_usable("app@%").err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert_eq!(
                error.is_empty(),
                said.is_empty(),
                "{plugin} {text}: {error}"
            );
            assert!(error.contains(said), "{plugin} {text}: {error}");
        }
    }
}
