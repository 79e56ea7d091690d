//! Settings of a pack, and the fields of what it issues.

use serde::Deserialize;
use serde_json::Value;

/// A setting that the inventory gives. Never a secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is.
    pub about: String,
    /// Where the inventory says nothing; a parameter without one is needed. `false`: it is left out.
    #[serde(default)]
    pub default: Option<Value>,
    /// What its text must be, as a regular expression over the whole of it.
    #[serde(default)]
    pub format: Option<String>,
}

/// One field of a credential. It is kept as a secret, whatever it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What every value looks like, as a regular expression over the whole of it: an error page is never taken for one.
    #[serde(default)]
    pub format: Option<String>,
    /// Entropy in bits, where it is known.
    #[serde(default)]
    pub bits: Option<u32>,
    /// It names the credential and opens nothing, so that the id may be it.
    #[serde(default)]
    pub public: bool,
    /// How we choose it, where we do.
    #[serde(default)]
    pub draw: Option<Draw>,
}

/// How a value is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Draw {
    /// So many random letters and digits.
    Alphanumeric(u32),
    /// The private key of a new Ed25519 pair in OpenSSH's form; `public_key` is its other half.
    SshEd25519,
}
