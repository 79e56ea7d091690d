//! Issuer `jwt-key`: keys that sign JSON web tokens, for services that issue such tokens themselves.
//!
//! Whoever verifies a token takes the public key from a published set (JWKS, RFC 7517), and keeps the set for a while.
//! So the new public key is added first, and its private key is handed to the signer only once every verifier has had
//! the time to see it; the old public key is taken away only once every token signed with its private key has run out.
//!
//! ```text
//! add to the set ─ cache_time ─► signer gets the key ─ proven ─ token_life ─► take the old one away ─ cache_time ─► ended
//! ```
//!
//! The set is a file on this host that a web server serves. What it says counts once it has stood for `cache_time`
//! (`published.rs`); a key that was taken away for a while waits in the same file, where verifiers ignore it (`jwks.rs`).
//! A credential is named by the thumbprint of its public key (RFC 7638).

mod issuer;
mod jwks;
mod key;
mod options;
mod published;

pub use issuer::JwtKeyIssuer;
pub use options::JwtKeyOptions;
