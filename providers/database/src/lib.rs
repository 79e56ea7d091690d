//! What the issuers of database passwords have in common: who changes them ([`AdminOptions`]), over which way
//! ([`Place`]), how they are made ([`Passwords`]); where two principals take turns, which value of which one a credential
//! is ([`Identity`]), what may still be done to it ([`Mark`]), what one lacks that the other may do ([`lacks`]), and who
//! is logged in ([`session()`]).

mod identity;
mod mark;
mod password;
mod place;
mod rights;
mod session;

pub use identity::{Identity, Value};
pub use mark::Mark;
pub use password::Passwords;
pub use place::Place;
pub use rights::lacks;
pub use session::session;

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
