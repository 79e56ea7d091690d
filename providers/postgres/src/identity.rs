//! How a credential is named: the role, and which of its values.

use keywheel_contract::{CredentialId, Error, Result};
use std::fmt;

/// Bytes of a salt, as PostgreSQL itself takes (`SCRAM_DEFAULT_SALT_LEN`, `src/include/common/scram-common.h`).
pub(crate) const SALT_LENGTH: usize = 16;

/// The salt of a verifier. It is no secret: the server tells it to whoever begins to log in.
pub(crate) type Salt = [u8; SALT_LENGTH];

/// One value of a role: its serial number, and the salt of its verifier, by which it cannot be taken for another that
/// came by the same number elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Value {
    /// Rises with each value that a role is given; 0 is what it had before keywheel.
    pub(crate) serial: u64,
    /// None for what it had before keywheel.
    pub(crate) salt: Option<Salt>,
}

/// A role and one of its values: `app_a/7-…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) role: String,
    pub(crate) value: Value,
}

impl Identity {
    /// # Errors
    /// `Invalid`: it is not of this form.
    pub(crate) fn parse(id: &CredentialId) -> Result<Self> {
        let parts = id.as_str().rsplit_once('/');
        let found = parts.and_then(|(role, value)| {
            Some(Self {
                role: role.to_owned(),
                value: Value::parse(value)?,
            })
        });
        found.ok_or_else(|| {
            Error::invalid(format!(
                "`{id}` does not name a role and one of its values: write ROLE/0 for the value from before keywheel"
            ))
        })
    }

    pub(crate) fn id(&self) -> CredentialId {
        CredentialId::new(format!("{}/{}", self.role, self.value))
    }
}

impl Value {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::default());
        }
        let (serial, salt) = text.split_once('-')?;
        let mut bytes = Salt::default();
        hex::decode_to_slice(salt, &mut bytes).ok()?;
        Some(Self {
            serial: serial.parse().ok().filter(|serial| *serial > 0)?,
            salt: Some(bytes),
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.salt {
            Some(salt) => write!(f, "{}-{}", self.serial, hex::encode(salt)),
            None => write!(f, "{}", self.serial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Value};
    use keywheel_contract::CredentialId;

    #[test]
    fn an_id_is_read_back_whatever_the_role_is_called() {
        let salted = Value {
            serial: 7,
            salt: Some([171; 16]),
        };
        for (role, value) in [
            ("app_a", salted),
            ("a/b", salted),
            ("Ärger \"x\"", Value::default()),
        ] {
            let identity = Identity {
                role: role.to_owned(),
                value,
            };
            assert_eq!(Identity::parse(&identity.id()).unwrap(), identity);
        }
        for wrong in ["app_a", "app_a/", "app_a/7", "app_a/0-00", "app_a/7-xy"] {
            assert!(
                Identity::parse(&CredentialId::new(wrong)).is_err(),
                "{wrong}"
            );
        }
    }
}
