//! How a credential of two principals in turn is named: the role or user, and which of its values.

use keywheel_contract::{CredentialId, Error, Result};
use std::fmt;

/// One value of a principal: its serial number, and some bytes of its own, by which it cannot be taken for another that
/// came by the same number elsewhere. They are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Value<const N: usize> {
    /// Rises with each value that a principal is given; 0 is what it had before keywheel.
    pub serial: u64,
    /// None for what it had before keywheel.
    pub salt: Option<[u8; N]>,
}

/// A principal and one of its values: `app_a/7-…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<const N: usize> {
    /// The name of the role or user.
    pub principal: String,
    /// Which of its values.
    pub value: Value<N>,
}

impl<const N: usize> Identity<N> {
    /// Reads what [`id`](Self::id) wrote.
    ///
    /// # Errors
    /// `Invalid`: it is not of this form.
    pub fn parse(id: &CredentialId) -> Result<Self> {
        let parts = id.as_str().rsplit_once('/');
        let found = parts.and_then(|(principal, value)| {
            Some(Self {
                principal: principal.to_owned(),
                value: Value::parse(value)?,
            })
        });
        found.ok_or_else(|| {
            Error::invalid(format!(
                "`{id}` does not name a role or user and one of its values: write NAME/0 for the value from before keywheel"
            ))
        })
    }

    /// The name of the credential.
    #[must_use]
    pub fn id(&self) -> CredentialId {
        CredentialId::new(format!("{}/{}", self.principal, self.value))
    }
}

impl<const N: usize> Value<N> {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::default());
        }
        let (serial, salt) = text.split_once('-')?;
        let mut bytes = [0; N];
        hex::decode_to_slice(salt, &mut bytes).ok()?;
        Some(Self {
            serial: serial.parse().ok().filter(|serial| *serial > 0)?,
            salt: Some(bytes),
        })
    }
}

impl<const N: usize> fmt::Display for Value<N> {
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
        for (principal, value) in [
            ("app_a", salted),
            ("a/b@%", salted),
            ("Ärger \"x\"", Value::default()),
        ] {
            let identity = Identity {
                principal: principal.to_owned(),
                value,
            };
            assert_eq!(Identity::parse(&identity.id()).unwrap(), identity);
        }
        for wrong in ["app_a", "app_a/", "app_a/7", "app_a/0-00", "app_a/7-xy"] {
            assert!(
                Identity::<16>::parse(&CredentialId::new(wrong)).is_err(),
                "{wrong}"
            );
        }
    }
}
