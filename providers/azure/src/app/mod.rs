//! Issuer `azure-app-secret`: secrets of an application in Entra, of which it can have many.
//!
//! Each is made by Microsoft Graph under a display name of ours, by which one whose answer was lost is found again. What
//! logs in with a secret is the application, not a person.

mod graph;
mod issuer;
mod options;
mod trial;

pub use issuer::AppSecretIssuer;
pub use options::AppSecretOptions;

/// The fields of a credential.
pub(crate) const SECRET: &str = "client_secret";
pub(crate) const KEY_ID: &str = "key_id";
pub(crate) const CLIENT_ID: &str = "client_id";
pub(crate) const TENANT_ID: &str = "tenant_id";
