//! Store `github-actions`: secrets of GitHub Actions, of a repository, of an environment of one, or of an organization.
//!
//! A sink: GitHub takes values, sealed to a public key of the place, and never shows them. What is told of a secret is
//! when it was last written, to the second; that is the version of a place. A write is sent only once the second of the
//! version it replaces is over, so that its own differs. There is no condition that a write could carry, and no mark:
//! one whose answer was lost is sent again, which equals sending it once.

mod api;
mod examine;
mod names;
mod options;
mod place;
mod refusal;
mod sealed;
mod store;
mod transport;
mod version;

pub use options::{GithubOptions, Visibility};
pub use store::GithubStore;
