//! How a credential is named: the account, and what tells one of its passwords from the other without telling it.
//!
//! A hash without salt would be guessed from, so that its keyed fingerprint stands for it; a salted one has a salt,
//! which is no secret, and by which it is made again.

use crate::account::Method;
use crate::{native, sha2};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use keywheel_contract::{CredentialId, Error, FingerprintKey, Result, SecretValue};
use std::sync::Arc;

/// Names the passwords of one account.
pub(crate) struct Names {
    account: String,
    key: Arc<FingerprintKey>,
}

impl Names {
    /// `account` as people write it: `user@host`.
    pub(crate) fn new(account: String, key: Arc<FingerprintKey>) -> Self {
        Self { account, key }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// A new name for this password, for an account that logs in by this method.
    ///
    /// # Errors
    /// `Invalid`: passwords of that method are not known here.
    pub(crate) fn new_id(&self, plugin: &str, password: &SecretValue) -> Result<CredentialId> {
        match plugin {
            native::PLUGIN => Ok(self.fingerprinted(&native::hash(password))),
            sha2::PLUGIN => Ok(self.salted(&sha2::salt()?)),
            other => Err(unknown(&self.account, other)),
        }
    }

    /// The name of what stands in the account; `None` for what is no password of a known method.
    pub(crate) fn id(&self, method: &Method) -> Option<CredentialId> {
        match method.plugin.as_str() {
            native::PLUGIN if native::is_hash(&method.text) => {
                Some(self.fingerprinted(&method.text))
            }
            sha2::PLUGIN => sha2::salt_of(method.text.as_bytes()).map(|salt| self.salted(salt)),
            _ => None,
        }
    }

    /// What stands in the account where it has the password of this name.
    ///
    /// # Errors
    /// `Invalid`: it is no name of one of this account's.
    pub(crate) fn method(&self, id: &CredentialId, password: &SecretValue) -> Result<Method> {
        let wrong = || Error::invalid(format!("`{id}` is no password of account {}", self.account));
        let rest = id.as_str().strip_prefix(&self.account);
        let rest = rest
            .and_then(|rest| rest.strip_prefix('/'))
            .ok_or_else(wrong)?;
        match rest.strip_prefix("salt-") {
            None => Ok(Method::native(&native::hash(password))),
            Some(salt) => {
                let salt = hex::decode(salt).map_err(|_| wrong())?;
                let text = String::from_utf8(sha2::hash(password, &salt)).map_err(|_| wrong())?;
                let plugin = sha2::PLUGIN.to_owned();
                Ok(Method { plugin, text })
            }
        }
    }

    fn fingerprinted(&self, hash: &str) -> CredentialId {
        let fingerprint = self.key.of(&SecretValue::from(hash.to_owned()));
        CredentialId::new(format!("{}/{fingerprint}", self.account))
    }

    fn salted(&self, salt: &[u8]) -> CredentialId {
        CredentialId::new(format!("{}/salt-{}", self.account, hex::encode(salt)))
    }
}

/// Whether a password is the one that stands there.
pub(crate) fn fits(method: &Method, password: &SecretValue) -> bool {
    let made = match method.plugin.as_str() {
        native::PLUGIN => native::hash(password).into_bytes(),
        sha2::PLUGIN => match sha2::salt_of(method.text.as_bytes()) {
            Some(salt) => sha2::hash(password, salt),
            None => return false,
        },
        _ => return false,
    };
    verify_slices_are_equal(&made, method.text.as_bytes()).is_ok()
}

fn unknown(account: &str, plugin: &str) -> Error {
    Error::invalid(format!(
        "account {account} logs in by `{plugin}`, whose hashes are not made here: give it a password by \
         `mysql_native_password` or `caching_sha2_password`"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Names, fits};
    use crate::account::Method;
    use crate::{native, sha2};
    use keywheel_contract::{CredentialId, FingerprintKey, SecretValue};
    use std::sync::Arc;

    fn names() -> Names {
        let key = FingerprintKey::new(&SecretValue::new(vec![1; 32]));
        Names::new("app@%".to_owned(), Arc::new(key))
    }

    #[test]
    fn the_same_name_makes_the_same_again() {
        let password = SecretValue::from("example".to_owned());
        let other = SecretValue::from("another".to_owned());
        for plugin in [native::PLUGIN, sha2::PLUGIN] {
            let id = names().new_id(plugin, &password).unwrap();
            let method = names().method(&id, &password).unwrap();
            assert_eq!(method.plugin, plugin);
            assert_eq!(names().id(&method), Some(id.clone()));
            assert_eq!(names().method(&id, &password).unwrap(), method);
            assert!(fits(&method, &password) && !fits(&method, &other));
            assert!(!id.as_str().contains(&method.text[1..9]), "{id}");
        }
    }

    #[test]
    fn what_is_no_password_has_no_name() {
        assert_eq!(names().id(&Method::nobody()), None);
        assert!(
            names()
                .new_id("pam", &SecretValue::from("a".to_owned()))
                .is_err()
        );
        for wrong in ["other@%/00", "app@%", "app@%/salt-xy"] {
            let id = CredentialId::new(wrong);
            let made = names().method(&id, &SecretValue::from("a".to_owned()));
            assert!(made.is_err(), "{wrong}");
        }
    }
}
