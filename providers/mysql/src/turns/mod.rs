//! Two accounts in turn: the idle one gets a new password, consumers move over, the other one is locked.

mod issuer;
mod mark;
mod rights;
mod sessions;
mod standing;

pub use issuer::AlternatingIssuer;

/// Bytes that tell a value from another of the same number.
const SALT_LENGTH: usize = 4;

type Value = keywheel_database::Value<SALT_LENGTH>;
type Identity = keywheel_database::Identity<SALT_LENGTH>;
