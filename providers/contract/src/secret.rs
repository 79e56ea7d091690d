//! The one type in which a secret value travels.

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

/// A secret value: bytes that are wiped when dropped.
///
/// It has no `Debug`, `Display`, `Serialize` or `Clone` on purpose: a value cannot reach a log, an error or
/// a message by accident, and every place that reads one is found by searching for `expose_secret`.
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes the bytes over; the caller keeps no copy.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. Every use of this method is a place to review.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, or `None` where it is not UTF-8.
    pub fn expose_secret_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// A second owner of the same bytes, asked for by name because every copy is one more to wipe.
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.to_vec())
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in constant time for equal lengths.
    pub fn matches(&self, other: &SecretValue) -> bool {
        self.len() == other.len()
            && constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::SecretValue;

    #[test]
    fn equal_bytes_match_and_others_do_not() {
        let value = SecretValue::from("example-a".to_owned());
        assert!(value.matches(&value.duplicate()));
        assert!(!value.matches(&SecretValue::from("example-b".to_owned())));
        assert!(!value.matches(&SecretValue::from("example".to_owned())));
    }
}
