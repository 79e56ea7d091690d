//! Issuer `redis`: passwords of an ACL user of Redis or Valkey.
//!
//! Such a user may have several passwords at once: the new one is added, consumers move over, the old one is taken
//! away, and can be put back as long as its value is known. Only SHA-256 hashes are sent (`ACL SETUSER user #hash`), so
//! that no password is in a command, a log or a `MONITOR`. Every change is saved in the transaction that makes it, so
//! that a restart loses none; and the one that takes a password away closes the user's connections, if asked, for a
//! login outlives its password (`change.rs`).
//!
//! A hash is no good name for a password that a person once chose, for it can be guessed from; a credential is named
//! by the user and a keyed fingerprint of the hash (`identity.rs`).

mod account;
mod change;
mod identity;
mod issuer;
mod link;
mod login;
mod options;
mod refused;
mod reply;
mod server;
mod tls;

pub use issuer::RedisIssuer;
pub use options::RedisOptions;
