//! Which addresses a credential or a value may be sent to.

use keywheel_contract::{Error, Result};
use std::net::IpAddr;
use url::Url;

/// Scheme, host and port that the setting `key` names: encrypted, unless it is of this machine. `example` is what to
/// write instead.
///
/// # Errors
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): it is another kind of address, or has more to it.
pub fn origin(key: &str, text: &str, example: &str) -> Result<Url> {
    let url = bare(key, text, example)?;
    match url.scheme() {
        "http" if !is_this_machine(&url) => {
            let why = "is not encrypted and not of this machine";
            Err(wrong(key, why, example))
        }
        _ => Ok(url),
    }
}

/// The same, encrypted wherever it leads.
///
/// # Errors
/// As [`origin`].
pub fn encrypted_origin(key: &str, text: &str, example: &str) -> Result<Url> {
    let url = bare(key, text, example)?;
    match url.scheme() {
        "http" => {
            let why = "is not encrypted, and tokens and values are never sent so, not even to this machine";
            Err(wrong(key, why, example))
        }
        _ => Ok(url),
    }
}

/// Where a server listens that is not spoken to over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, without brackets.
    pub host: String,
    /// As written, or the usual one.
    pub port: u16,
    /// Whether it can only be of this machine.
    pub this_machine: bool,
}

/// The `host:port` that the setting `key` names, read by the same rules as the inventory does that binds it to `hosts`.
/// That TLS is spoken there is for the provider to see to.
///
/// # Errors
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): it is another kind of address, or has more to it.
pub fn server(key: &str, text: &str, usual_port: u16) -> Result<Server> {
    const EXAMPLE: &str = "host:port";
    if text.contains("://") {
        return Err(wrong(key, "has a scheme", EXAMPLE));
    }
    let url = bare(key, &format!("https://{text}"), EXAMPLE)?;
    // A port that is the usual one of the scheme it is read with is left out by the reader.
    let port = match text.trim_end_matches('/').ends_with(":443") {
        true => 443,
        false => url.port().unwrap_or(usual_port),
    };
    let host = url.host_str().unwrap_or_default();
    Ok(Server {
        host: host.trim_matches(['[', ']'].as_slice()).to_owned(),
        port,
        this_machine: is_this_machine(&url),
    })
}

/// Whether an address can only be of this machine.
#[must_use]
pub fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_matches(['[', ']'].as_slice());
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address of the web without anything beyond scheme, host and port.
fn bare(key: &str, text: &str, example: &str) -> Result<Url> {
    let wrong = |why: &str| wrong(key, why, example);
    let url = Url::parse(text).map_err(|_| wrong("is not an address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds what looks like a credential"));
    }
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("is not an https address"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has more than scheme, host and port"));
    }
    Ok(url)
}

/// The text itself is not repeated, for somebody may have put a password into it.
fn wrong(key: &str, why: &str, example: &str) -> Error {
    Error::invalid(format!("`{key}` {why}: write it as {example}"))
}

#[cfg(test)]
mod tests {
    use super::{Server, encrypted_origin, is_this_machine, origin, server};
    use url::Url;

    const EXAMPLE: &str = "https://host:port";

    #[test]
    fn only_this_machine_is_called_without_encryption() {
        for good in [
            "https://vault.example.com:8200",
            "https://vault.example.com/",
            "http://127.0.0.1:8200",
            "http://[::1]:8200",
            "http://localhost:8200",
        ] {
            assert!(origin("address", good, EXAMPLE).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("http://vault.example.com:8200", "not encrypted"),
            ("http://127.0.0.1.example.com", "not encrypted"),
            ("https://user@vault.example.com", "credential"),
            ("https://u:example@vault.example.com", "credential"),
            ("https://vault.example.com/prefix", "more than"),
            ("https://vault.example.com/?a=b", "more than"),
            ("https://vault.example.com/#a", "more than"),
            ("unix:///run/vault.sock", "not an https"),
            ("ftp://vault.example.com", "not an https"),
            ("vault.example.com", "not an address"),
        ] {
            let said = origin("address", bad, EXAMPLE).unwrap_err().message;
            assert!(said.contains(words), "{bad}: {said}");
            assert!(said.starts_with("`address` "), "{said}");
            assert!(said.ends_with("write it as https://host:port"), "{said}");
            for repeated in ["user@", "u:example", "vault.", "prefix"] {
                assert!(!said.contains(repeated), "{said}");
            }
        }
    }

    #[test]
    fn where_all_is_encrypted_so_is_what_goes_to_this_machine() {
        for good in ["https://vault.example.com", "https://127.0.0.1:8443"] {
            assert!(encrypted_origin("vault", good, EXAMPLE).is_ok(), "{good}");
        }
        for bad in ["http://127.0.0.1:1", "http://vault.example.com"] {
            let said = encrypted_origin("vault", bad, EXAMPLE).unwrap_err().message;
            assert!(said.contains("not even to this machine"), "{bad}: {said}");
        }
        assert!(encrypted_origin("vault", "https://h/secrets/a", EXAMPLE).is_err());
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for (text, expected) in [
            ("https://localhost:1", true),
            ("https://127.0.0.1", true),
            ("https://[::1]:1", true),
            ("https://localhost.example.com", false),
            ("https://v.vault.azure.net", false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(is_this_machine(&url), expected, "{text}");
        }
    }

    #[test]
    fn a_server_has_a_host_and_a_port() {
        for (text, host, port, this_machine) in [
            ("db.example.com", "db.example.com", 3306, false),
            ("db.example.com:443", "db.example.com", 443, false),
            ("127.0.0.1:1", "127.0.0.1", 1, true),
            ("0x7f.1:1", "127.0.0.1", 1, true),
            ("[::1]:1", "::1", 1, true),
            ("localhost", "localhost", 3306, true),
        ] {
            let expected = Server {
                host: host.to_owned(),
                port,
                this_machine,
            };
            assert_eq!(server("address", text, 3306).unwrap(), expected, "{text}");
        }
        for (bad, words) in [
            ("mysql://db.example.com", "has a scheme"),
            ("root:example@db.example.com", "credential"),
            ("db.example.com/main", "more than"),
            ("db.example.com?ssl-mode=disabled", "more than"),
            ("db.example.com:x", "not an address"),
            ("", "not an address"),
        ] {
            let said = server("address", bad, 3306).unwrap_err().message;
            assert!(said.contains(words), "{bad}: {said}");
        }
    }
}
