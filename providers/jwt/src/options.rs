//! How an issuer `jwt-key` is configured.

use keywheel_contract::{Error, Result};
use keywheel_reference::addresses;
use keywheel_schedules::Span;
use keywheel_signing::Algorithm;
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

/// Options of the issuer `jwt-key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKeyOptions {
    /// What new keys are for.
    pub algorithm: Algorithm,
    /// The published set of public keys, a file on this host that a web server serves.
    pub jwks_file: PathBuf,
    /// Where verifiers fetch it; looked at too, where it is said.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// PEM file of further authorities that may have signed the certificate of `jwks_url`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// After a change of the file, the longest time until the last verifier has seen it: caches on the way and its own.
    pub cache_time: Span,
    /// How long a token is valid, with what clocks may differ.
    pub token_life: Span,
}

impl JwtKeyOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "algorithm",
        "jwks_file",
        "jwks_url",
        "ca_file",
        "cache_time",
        "token_life",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.address()?;
        match self.jwks_file.file_name() {
            None => Err(Error::invalid("`jwks_file` names no file")),
            Some(_) => Ok(()),
        }
    }

    /// Where verifiers fetch the set.
    pub(crate) fn address(&self) -> Result<Option<Url>> {
        let Some(text) = &self.jwks_url else {
            return Ok(None);
        };
        // The text itself is not repeated, for somebody may have put a password into it.
        let wrong = |why: &str| Error::invalid(format!("`jwks_url` {why}"));
        let url = Url::parse(text).map_err(|_| wrong("is not an address"))?;
        let authentic = match url.scheme() {
            "https" => true,
            "http" => addresses::is_this_machine(&url),
            _ => false,
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds what looks like a credential"));
        }
        if !authentic {
            return Err(wrong(
                "is not an https address: verifiers must know whose keys they fetch",
            ));
        }
        Ok(Some(url))
    }
}

#[cfg(test)]
mod tests {
    use super::JwtKeyOptions;

    const ALL: &str = "algorithm = 'ES256'\njwks_file = 'a'\njwks_url = 'https://h/jwks.json'\nca_file = 'c'\n\
                       cache_time = '10m'\ntoken_life = '1h'";

    fn at(url: &str) -> JwtKeyOptions {
        toml::from_str(&ALL.replace("https://h/jwks.json", url)).unwrap()
    }

    #[test]
    fn the_set_is_fetched_over_tls_or_from_this_machine() {
        for (url, said) in [
            ("https://auth.example.com/.well-known/jwks.json", ""),
            ("http://127.0.0.1:80/jwks.json", ""),
            ("http://auth.example.com/jwks.json", "not an https"),
            ("file:///jwks.json", "not an https"),
            ("https://u:example@auth.example.com", "a credential"),
            ("jwks.json", "not an address"),
        ] {
            let error = at(url).check().err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert!(
                error.contains(said) && error.is_empty() == said.is_empty(),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let read: toml::Table = toml::from_str(ALL).unwrap();
        let mut keys = JwtKeyOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(toml::from_str::<JwtKeyOptions>(&format!("{ALL}\nx = 1")).is_err());
        assert!(toml::from_str::<JwtKeyOptions>(&ALL.replace("10m", "soon")).is_err());
    }
}
