//! What the issuers of database passwords have in common: who changes them ([`AdminOptions`]), over which way
//! ([`Place`]), and how they are made ([`Passwords`]).

mod password;
mod place;

pub use password::Passwords;
pub use place::Place;

use keywheel_reference::Reference;
use serde::Deserialize;

/// Who changes the passwords of others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminOptions {
    /// Its name.
    pub user: String,
    /// Where its password lies.
    pub password: Reference,
}
