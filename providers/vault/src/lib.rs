//! Store `vault`: the KV engine, version 2, of HashiCorp Vault and OpenBao.
//!
//! A place is a path below the mount and the fields of the document there that are ours. A write is a new
//! version of the whole document under check-and-set, so that other people's fields and writes are kept; the
//! newest version is what consumers read. Versions are named by their numbers.
//!
//! A write is found again by its mark: before it is sent, the custom metadata of the path notes which number
//! it can only get. Consumers never see the mark, and two writers cannot disturb each other's.
//!
//! The requests are those of the crate `vaultrs`; they are sent by our own `transport`, because its helpers
//! hide the version, the status and `Retry-After`, follow redirects, and log what the server says.

mod api;
mod discover;
mod examine;
mod key;
mod kv;
mod login;
mod options;
mod refusal;
mod requests;
mod session;
mod shape;
mod store;
mod transport;

pub use options::{AppRole, LoginOptions, RoleToken, VaultOptions};
pub use store::VaultStore;
