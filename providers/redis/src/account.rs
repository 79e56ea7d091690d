//! A user as the server describes it (pure).

use keywheel_contract::{Error, Result};
use redis::Value;
use std::collections::HashMap;

/// What `ACL GETUSER` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    flags: Vec<String>,
    /// SHA-256 of each password, in hexadecimal digits.
    pub(crate) hashes: Vec<String>,
}

impl Account {
    /// `None` where there is no such user.
    ///
    /// # Errors
    /// `Unavailable`: this is not an answer of `ACL GETUSER`.
    pub(crate) fn read(answer: Option<HashMap<String, Value>>) -> Result<Option<Self>> {
        let Some(mut answer) = answer else {
            return Ok(None);
        };
        let mut list = |key: &str| -> Result<Vec<String>> {
            let found = answer.remove(key).map(redis::from_redis_value);
            let found = found.and_then(std::result::Result::ok);
            found.ok_or_else(|| Error::unavailable("the server describes no user by `ACL GETUSER`"))
        };
        Ok(Some(Self {
            flags: list("flags")?,
            hashes: list("passwords")?,
        }))
    }

    /// Whether it may log in at all.
    pub(crate) fn is_on(&self) -> bool {
        self.flags.iter().any(|flag| flag == "on")
    }

    /// Whether any password will do.
    pub(crate) fn takes_any(&self) -> bool {
        self.flags.iter().any(|flag| flag == "nopass")
    }

    /// # Errors
    /// `Invalid`: a new password would do no good, or would change who gets in.
    pub(crate) fn ensure_usable(&self, user: &str) -> Result<()> {
        if self.takes_any() {
            return Err(takes_any(user));
        }
        match self.is_on() {
            true => Ok(()),
            false => Err(is_off(user)),
        }
    }
}

pub(crate) fn is_off(user: &str) -> Error {
    Error::invalid(format!(
        "user `{user}` is off, so that no password of it works: find out why, then `ACL SETUSER {user} on`"
    ))
}

pub(crate) fn takes_any(user: &str) -> Error {
    Error::invalid(format!(
        "user `{user}` gets in with any password (`nopass`): give it one by hand first, which takes the others' access away"
    ))
}

pub(crate) fn is_missing(user: &str) -> Error {
    Error::not_found(format!(
        "there is no user `{user}`: make it first, with the rights it needs"
    ))
}

#[cfg(test)]
mod tests {
    use super::Account;

    fn account(flags: &[&str]) -> Account {
        Account {
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            hashes: Vec::new(),
        }
    }

    #[test]
    fn only_who_is_on_and_has_passwords_is_rotated() {
        for (flags, said) in [
            (&["on", "allkeys"][..], ""),
            (&["off"], "is off"),
            (&["on", "nopass"], "nopass"),
            (&["off", "nopass"], "nopass"),
            (&[], "is off"),
        ] {
            let error = account(flags).ensure_usable("app").err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert_eq!(error.is_empty(), said.is_empty(), "{flags:?}: {error}");
            assert!(error.contains(said), "{flags:?}: {error}");
        }
    }

    #[test]
    fn nobody_is_no_account_and_another_answer_is_none_either() {
        assert_eq!(Account::read(None).unwrap(), None);
        assert!(Account::read(Some([].into())).is_err());
    }
}
