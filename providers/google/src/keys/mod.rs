//! Issuer `google-service-account-key`: keys of one service account, made here and uploaded.
//!
//! The key pair is made by us and only its public part is sent, in a certificate that we sign ourselves, whose subject
//! is our tag: by it a key whose answer was lost is found, and ended, for its private part is lost with the answer.
//! Google alone names a key, and libraries want that name in the key file, so that the file is complete only with the
//! answer; that is why the value is not chosen beforehand and applied.

mod calls;
mod identity;
mod issuer;
mod key_file;
mod options;
mod pair;
mod refusal;
mod transport;
mod trial;

pub use issuer::ServiceKeyIssuer;
pub use options::ServiceKeyOptions;

/// The key file as Google's libraries read it, as a credential's field.
pub(crate) const VALUE: &str = "value";
/// Google's name of the key.
pub(crate) const KEY_ID: &str = "private_key_id";
/// The service account.
pub(crate) const EMAIL: &str = "client_email";
