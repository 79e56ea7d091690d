//! Store `azure-key-vault`: secrets of Azure Key Vault. Issuer `azure-app-secret`: secrets of applications in Entra.
//!
//! A place is a secret; its value is ours as a whole, or a JSON object of which some fields are. Whatever is written
//! is the newest version, and the newest version is what consumers read: there is no staging, a disabled newest
//! version hides all older ones, and no version can be deleted by itself. A new version keeps content type, dates
//! and tags of the one before.
//!
//! The service knows no compare-and-set and no token that makes a write idempotent. A write is preceded by a look at
//! what stands there and followed by another one. It is found again by a tag that holds its mark.
//!
//! The calls are those of the official crates; `transport` bounds them, and nothing is ever sent twice by itself.

mod app;
mod discover;
mod examine;
mod history;
mod keyvault;
mod login;
mod options;
mod quotas;
mod refusal;
mod shape;
mod store;
mod transport;

pub use app::{AppSecretIssuer, AppSecretOptions};
pub use options::{AzureOptions, ClientSecret, LoginOptions, ManagedIdentity, WorkloadIdentity};
pub use store::AzureStore;
