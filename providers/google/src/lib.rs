//! Store `google-secret-manager`: Google Secret Manager, global and regional. Issuer `google-service-account-key`: keys of
//! service accounts, in `keys`.
//!
//! A place is the id of a secret. Its versions are numbered by the service and never change; what readers get is
//! decided by the name they ask for: `latest`, an alias, or a number. With `latest` adding a version *is* promotion;
//! with an alias it is staging, and promotion moves the alias under the secret's etag.
//!
//! Adding a version takes neither an etag nor a request id. A write is found again by a note in the secret's
//! annotations, written under the etag before the version is added, and by comparing the versions newer than the
//! one noted with what we sent.
//!
//! The official client adds no checksums and checks none: we do both. Its payload type prints values and its
//! own logging prints payloads: neither leaves `api`, and a process that turns that logging on is refused.

mod api;
mod client;
mod credentials;
mod ending;
mod examine;
mod keys;
mod login;
mod marks;
mod names;
mod options;
mod quota;
mod refusal;
mod selector;
mod standing;
mod store;
mod switch;
mod trace;
mod write;

pub use keys::{ServiceKeyIssuer, ServiceKeyOptions};
pub use options::GoogleOptions;
pub use store::GoogleStore;
