//! Store `doppler`: secrets of configs of Doppler.
//!
//! A place is a config (`project/config`) and the names of the secrets there that are ours; each of our fields is one
//! secret of Doppler. One write is one save of all of them, each under the condition that it still has the value we
//! saw (`originalValue`), so that nobody's edit is overwritten. Where a policy demands a review, the write becomes a
//! change request and waits for a person there.
//!
//! Doppler keeps no versions of a secret. The one version of a place is what stands there now, named by a keyed
//! fingerprint of our secrets' raw texts: saves of other people's secrets in the same config do not change it, as they
//! would change the id of the config's newest log entry.

mod api;
mod discover;
mod examine;
mod options;
mod place;
mod refusal;
mod reviews;
mod secrets;
mod store;
mod transport;

pub use options::DopplerOptions;
pub use store::DopplerStore;
