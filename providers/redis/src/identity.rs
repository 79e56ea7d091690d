//! How a credential is named: the user, and a keyed fingerprint of the hash that the server keeps.

use aws_lc_rs::digest;
use keywheel_contract::{CredentialId, FingerprintKey, SecretValue};
use std::sync::Arc;

/// Names the passwords of one user.
pub(crate) struct Names {
    user: String,
    key: Arc<FingerprintKey>,
}

impl Names {
    pub(crate) fn new(user: &str, key: Arc<FingerprintKey>) -> Self {
        Self {
            user: user.to_owned(),
            key,
        }
    }

    /// The name of the password with this hash.
    pub(crate) fn id(&self, hash: &str) -> CredentialId {
        let fingerprint = self.key.of(&SecretValue::from(hash.to_owned()));
        CredentialId::new(format!("{}/{fingerprint}", self.user))
    }

    /// Which of these hashes is named so.
    pub(crate) fn find<'a>(&self, hashes: &'a [String], id: &CredentialId) -> Option<&'a str> {
        let named = hashes.iter().find(|hash| self.id(hash) == *id);
        named.map(String::as_str)
    }
}

/// As Redis keeps a password: SHA-256 in lower-case hexadecimal digits (`ACLHashPassword`, `src/acl.c`).
pub(crate) fn hash(password: &SecretValue) -> String {
    hex::encode(digest::digest(&digest::SHA256, password.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::{Names, hash};
    use keywheel_contract::{FingerprintKey, SecretValue};
    use std::sync::Arc;

    #[test]
    fn a_name_is_found_again_and_shows_no_hash() {
        let key = |byte: u8| Arc::new(FingerprintKey::new(&SecretValue::new(vec![byte; 32])));
        let names = Names::new("app", key(1));
        let hashes = ["one", "two"].map(|text| hash(&SecretValue::from(text.to_owned())));
        let id = names.id(&hashes[1]);
        assert_eq!(names.find(&hashes, &id), Some(hashes[1].as_str()));
        assert_eq!(names.find(&hashes[..1], &id), None);
        assert!(id.as_str().starts_with("app/") && !id.as_str().contains(&hashes[1][..8]));
        assert_ne!(id, Names::new("app", key(2)).id(&hashes[1]));
    }

    #[test]
    fn the_hash_is_that_of_redis() {
        // `printf p1 | sha256sum`, as `ACL GETUSER` of Redis 7.0.15 shows it for `>p1`.
        let expected = "f64551fcd6f07823cb87971cfb91446425da18286b3ab1ef935e0cbd7a69f68a";
        assert_eq!(hash(&SecretValue::from("p1".to_owned())), expected);
    }
}
