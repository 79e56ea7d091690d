//! Names of things, each a type of its own so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is not a valid id, with the rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a secret's id: {rule}")]
pub struct InvalidId {
    /// The text as given.
    pub text: String,
    /// The rule it breaks, as a sentence for people.
    pub rule: &'static str,
}

/// A secret's id: `environment/name`. Both parts are of `a-z A-Z 0-9 . _ -`, at most 128 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretId(String);

impl SecretId {
    /// Joins an environment and a name.
    ///
    /// # Errors
    /// Either part is empty, too long, or has a character that is not allowed.
    pub fn new(environment: &str, name: &str) -> std::result::Result<Self, InvalidId> {
        Self::try_from(format!("{environment}/{name}"))
    }

    /// The part before the slash.
    pub fn environment(&self) -> &str {
        self.0
            .split_once('/')
            .map_or("", |(environment, _)| environment)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SecretId {
    type Error = InvalidId;

    fn try_from(text: String) -> std::result::Result<Self, InvalidId> {
        let rule = match text.split_once('/') {
            None => Some("write it as environment/name"),
            Some((environment, name)) if environment.is_empty() || name.is_empty() => {
                Some("neither part may be empty")
            }
            Some((environment, name)) if environment.len() > 128 || name.len() > 128 => {
                Some("each part has at most 128 characters")
            }
            Some((environment, name)) if !(is_name(environment) && is_name(name)) => {
                Some("use letters, digits, `.`, `_` and `-`, and begin with a letter or digit")
            }
            Some(_) => None,
        };
        match rule {
            Some(rule) => Err(InvalidId { text, rule }),
            None => Ok(Self(text)),
        }
    }
}

fn is_name(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(allowed)
}

impl std::str::FromStr for SecretId {
    type Err = InvalidId;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidId> {
        Self::try_from(text.to_owned())
    }
}

impl From<SecretId> for String {
    fn from(id: SecretId) -> Self {
        id.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares a text newtype that any non-secret text fits.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// One run of a rotation: a UUID v7 in text form.
    RotationId
}
text_id! {
    /// A credential as its issuer names it: a key id, a role, a fingerprint. Immutable, never a value.
    CredentialId
}
text_id! {
    /// A published copy as its store names it.
    VersionId
}
text_id! {
    /// The mark that a minted credential carries at its issuer, so that an orphan is found again:
    /// unique per rotation and try.
    Tag
}

#[cfg(test)]
mod tests {
    use super::SecretId;

    #[test]
    fn an_id_has_two_plain_parts() {
        let id: SecretId = "production/api-key_2.x".parse().unwrap();
        assert_eq!((id.environment(), id.name()), ("production", "api-key_2.x"));
        for wrong in [
            "", "a", "/a", "a/", "a/b/c", "a/../b", "a/ b", "-a/b", "a/.b",
        ] {
            assert!(wrong.parse::<SecretId>().is_err(), "{wrong}");
        }
    }
}
