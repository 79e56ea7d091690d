//! The contract between keywheel and an outside system.
//!
//! A provider crate implements one or more of three small traits: [`SecretStore`] (publishes copies of a
//! credential), [`Issuer`] (honours the credential: mints, tests, disables, revokes it) and [`Consumer`] (uses
//! it: is notified, and shows which credential it holds). What a provider cannot do is *data* (its
//! capabilities), so that the planner knows before it starts; it is never an error found halfway.
//!
//! Errors are a closed set ([`ErrorKind`]); how a failed call is retried follows from the kind and nothing
//! else. Values travel only as [`SecretValue`], which has no `Debug`, `Display`, `Serialize` or `Clone`.
//!
//! Feature `conformance` exports one suite per trait; a provider mounts it in a few lines.

#[cfg(feature = "conformance")]
pub mod conformance;
mod consumer;
pub mod content;
mod document;
pub mod draw;
mod error;
mod fingerprint;
pub mod handshake;
mod ids;
mod issuer;
mod online;
mod quota;
mod secret;
mod store;

pub use consumer::{
    Consumer, ConsumerCapabilities, Held, Holding, Notice, Observation, Question, Strength,
};
pub use document::{Document, Fields};
pub use error::{Error, ErrorKind, Result, Retry};
pub use fingerprint::FingerprintKey;
pub use ids::{CredentialId, InvalidId, RotationId, SecretId, Tag, VersionId};
pub use issuer::{
    ChosenBy, Credential, CredentialState, Issuer, IssuerCapabilities, LastUse, Liveness, Refusal,
    Session, Style,
};
pub use online::{Examination, Finding, Listed, Page, Verdict};
pub use quota::{Draw, Quota, Verb};
pub use secret::SecretValue;
pub use store::{
    Base, Find, Found, Inspection, Mark, Place, Retired, SecretStore, StoreCapabilities, Version,
    Write, seen,
};
