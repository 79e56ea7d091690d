//! Ways to say who asks.

use super::Call;
use crate::text::Text;
use keywheel_signing::Algorithm;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A way to say who asks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Headers.
    pub headers: BTreeMap<String, Text>,
    /// `user:password` of HTTP's basic authentication.
    pub basic: Option<Text>,
    /// A JSON web token that we sign: `{assertion}` in the headers, or in the login.
    pub jwt: Option<Jwt>,
    /// A code over the request: `{signature}` in the headers.
    pub hmac: Option<Hmac>,
    /// AWS's signature.
    pub sigv4: Option<Sigv4>,
    /// A token is asked for first: `{token}` in the headers.
    pub login: Option<Login>,
    /// The connection itself shows who we are.
    pub tls: Option<Tls>,
}

impl Auth {
    /// Whether a moment is part of what it says, so that clocks have to agree.
    pub(crate) const fn is_signed(&self) -> bool {
        self.jwt.is_some() || self.hmac.is_some() || self.sigv4.is_some()
    }
}

/// A certificate of ours, shown where TLS asks for one (RFC 8446, section 4.3.2).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The credential of ours that is the certificate (PEM), with those of authorities that the service may not know.
    pub certificate: String,
    /// The credential of ours that is its private key (PEM).
    pub key: String,
}

/// Asks for a token: OAuth 2.0 with client credentials or an assertion (RFC 7523), a GitHub App's installation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The call; its `auth` is a way without a login, and nobody where left out.
    pub call: Call,
    /// Where tokens are asked for, where that is another host than the service's.
    #[serde(default)]
    pub base_url: Option<String>,
    /// JSON pointer to the token.
    pub token: String,
    /// JSON pointer to how many seconds it lives.
    #[serde(default)]
    pub lives: Option<String>,
    /// JSON pointer to when it ends (RFC 3339, or seconds since 1970), in place of `lives`.
    #[serde(default)]
    pub ends: Option<String>,
}

/// A JSON web token (RFC 7519). `iat` and `exp` are added to its claims.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The credential that is the private key (PEM).
    pub key: String,
    /// What it is signed by.
    pub algorithm: Algorithm,
    /// What its header says beside `alg` and `typ`.
    #[serde(default)]
    pub header: BTreeMap<String, Text>,
    /// What it says.
    pub claims: Value,
    /// Seconds from `iat`, half a minute ago, to `exp`.
    #[serde(default = "five_minutes")]
    pub lives_seconds: u32,
}

const fn five_minutes() -> u32 {
    300
}

/// An HMAC-SHA256 over a text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// The credential that is the key.
    pub key: String,
    /// How the key is written, where its text is not itself the key.
    #[serde(default)]
    pub key_is: Option<Coding>,
    /// The text, with names of the request: `{method}`, `{path}`, `{query}`, `{host}`, `{content_type}`, `{body}`,
    /// `{body_sha256}`; and of the moment: `{unix}`, `{unix_ms}`, `{nonce}`.
    pub over: Text,
    /// How the code is written.
    pub written: Coding,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// Lower-case hexadecimal digits.
    Hex,
    /// Base64 with `+`, `/` and padding.
    Base64,
}

/// AWS's signature, version 4, in the header `authorization`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sigv4 {
    /// The access key's id.
    pub id: Text,
    /// The credential that is the secret access key.
    pub key: String,
    /// AWS's short name of the service, such as `iam`.
    pub service: String,
    /// The region.
    pub region: Text,
}
