//! The hash of `mysql_native_password`: without salt, so that one password has one hash.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use keywheel_contract::SecretValue;

/// The name of the method.
pub(crate) const PLUGIN: &str = "mysql_native_password";

/// `*` and SHA-1 of SHA-1 in upper-case hexadecimal digits (`make_scrambled_password`, `sql/password.c`).
pub(crate) fn hash(password: &SecretValue) -> String {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose_secret());
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    format!("*{}", hex::encode_upper(twice))
}

/// Whether it is one, and not the word that lets nobody in.
pub(crate) fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix('*').unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{hash, is_hash};
    use keywheel_contract::SecretValue;

    #[test]
    fn the_hash_is_that_of_the_server() {
        // `SELECT PASSWORD('test')` of MariaDB 10.11.19.
        let made = hash(&SecretValue::from("test".to_owned()));
        assert_eq!(made, "*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29");
        assert!(is_hash(&made) && !is_hash("invalid") && !is_hash("*94"));
    }
}
