//! Issuer `mysql`: passwords of accounts of MariaDB or MySQL, two of one at once, or one of each of two in turn.
//!
//! An account may have two passwords at once: on MariaDB by two authentication methods joined with `OR`, on MySQL
//! since 8.0.14 by `RETAIN CURRENT PASSWORD`. The new one is added, consumers move over, the old one is taken away, and
//! can be put back as long as its value is known. Hashes are computed here (`native.rs`, `sha2.rs`), so that no password
//! is in a statement, or in a log of them.
//!
//! On MariaDB a change is one compound statement that compares the account with what was read, alters it and, if asked, closes its
//! connections (`mariadb.rs`). One that arrives after another change finds the account different, one that arrives 15 s after
//! that reading finds the server's clock too late, and neither changes anything; one whose answer is lost is whole. MySQL
//! has no such statement; its changes are single ones (`oracle.rs`).
//!
//! Two accounts in turn (`turns/`) end by a lock, and their sessions are told apart; that takes MariaDB.

mod account;
mod change;
mod closing;
mod identity;
mod issuer;
mod link;
mod login;
mod mariadb;
mod native;
mod options;
mod oracle;
mod policy;
mod quote;
mod server;
mod sha2;
mod turns;

pub use issuer::MysqlIssuer;
pub use options::MysqlOptions;
pub use turns::AlternatingIssuer;

use keywheel_contract::{FingerprintKey, Issuer, Result};
use std::path::Path;
use std::sync::Arc;

/// The issuer by these options: of two accounts in turn where they name `users`, of two passwords at once otherwise.
/// Relative paths count from `base`. Nothing is called yet.
///
/// # Errors
/// `Invalid`: the options cannot work.
pub fn issuer(
    options: MysqlOptions,
    base: &Path,
    key: Arc<FingerprintKey>,
) -> Result<Arc<dyn Issuer>> {
    Ok(match options.alternates() {
        true => Arc::new(AlternatingIssuer::new(&options, base)?),
        false => Arc::new(MysqlIssuer::new(options, base, key)?),
    })
}
