//! Issuer `mysql`: passwords of an account of MariaDB or MySQL.
//!
//! Such an account may have two passwords at once: on MariaDB by two authentication methods joined with `OR`, on MySQL
//! since 8.0.14 by `RETAIN CURRENT PASSWORD`. The new one is added, consumers move over, the old one is taken away, and
//! can be put back as long as its value is known. Hashes are computed here (`native.rs`, `sha2.rs`), so that no password
//! is in a statement, or in a log of them.
//!
//! On MariaDB a change is one compound statement that compares the account with what was read, alters it and, if asked, closes its
//! connections (`mariadb.rs`): one that arrives late changes nothing, and one whose answer is lost is whole. MySQL has no
//! such statement; its changes are single ones (`oracle.rs`).

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
mod quote;
mod server;
mod sha2;

pub use issuer::MysqlIssuer;
pub use options::MysqlOptions;
