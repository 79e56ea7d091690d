//! Issuer `postgres`: roles of PostgreSQL.
//!
//! The usual way are two login roles under an owner role that take turns: while one is in use, the idle one gets a new
//! password, consumers move over, and the other is ended: it keeps existing without login and password. One role *in
//! place* is the other way; its old password dies the moment the new one is set.
//!
//! A password never reaches the server, nor its log: the SCRAM verifier is computed here. Each value has a serial
//! number, and the role's comment says which value stands, who set it and how far the numbers have come (`mark`).
//! That mark is read, checked and rewritten in the transaction that alters the role, so that a statement which arrives
//! late changes nothing.

mod change;
mod environment;
mod grants;
mod identity;
mod issuer;
mod login;
mod mark;
mod options;
mod quote;
mod refusal;
mod server;
mod usage;
mod verifier;

pub use issuer::PostgresIssuer;
pub use options::PostgresOptions;
