//! Issuer `ssh-key`: SSH keys that the `authorized_keys` file of one account on this host honours.
//!
//! The pair is drawn and sealed here; then the line of its public half is added to the file, with our tag as its
//! comment. Several keys are honoured at once, so that the old one stays until its consumers have moved. Ending one
//! comments its line out, and takes the line away for good later. The file is swapped whole, with owner and mode kept,
//! and no line is touched but those of the one key that is meant (`lines.rs`).
//!
//! A key is tried as its consumer uses it: by a login to the server, whose host key is known beforehand (`login.rs`).
//! A credential is named by the fingerprint of its public key, which is no secret.

mod account;
mod issuer;
mod key;
mod lines;
mod login;
mod options;

pub use issuer::SshKeyIssuer;
pub use options::SshKeyOptions;
