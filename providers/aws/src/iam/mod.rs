//! Issuer `aws-iam-key`: access keys of one IAM user, of which AWS allows two.
//!
//! AWS makes a key under no name of ours. What a lost answer made is told by a note: before each `CreateAccessKey` the
//! user's tag `keywheel` is set to the mark of the mint, the time, and the keys that are there.

mod calls;
mod clock;
mod issuer;
mod note;
mod options;
mod slots;
mod trial;

pub use issuer::KeyIssuer;
pub use options::KeyOptions;

/// The fields of a credential.
pub(crate) const ID: &str = "access_key_id";
pub(crate) const SECRET: &str = "secret_access_key";
