//! Values that we choose ourselves.

use crate::pack::{Draw, Field};
use keywheel_contract::draw::{self, LETTERS_AND_DIGITS};
use keywheel_contract::{Fields, Result, SecretValue};
use std::collections::BTreeMap;

/// New values for every field that we choose; a key pair fills `public_key` too.
///
/// # Errors
/// `Unavailable`: the operating system gives no randomness.
pub(crate) fn draw(fields: &BTreeMap<String, Field>) -> Result<Fields> {
    let mut drawn = Fields::new();
    for (name, field) in fields {
        match field.draw {
            Some(Draw::Alphanumeric(length)) => {
                let length = usize::try_from(length).unwrap_or(0);
                drawn.insert(name, alphanumeric(length)?);
            }
            Some(Draw::SshEd25519) => {
                let pair = keywheel_ssh_keys::ed25519()?;
                drawn.insert(name, pair.private);
                drawn.insert("public_key", SecretValue::from(pair.public));
            }
            None => {}
        }
    }
    Ok(drawn)
}

/// So many random letters and digits, each as likely as any other.
pub(crate) fn alphanumeric(length: usize) -> Result<SecretValue> {
    draw::draw(LETTERS_AND_DIGITS, length)
}
