//! Where a server is, and whether it is spoken to over TLS.

use keywheel_contract::Result;
use keywheel_reference::addresses::{self, Server};
use std::path::PathBuf;

/// The way to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name or address, without brackets.
    pub host: String,
    /// As written, or the usual one.
    pub port: u16,
    /// Whether TLS is asked for: always beyond this machine, and here where an authority is named.
    pub encrypted: bool,
}

impl Place {
    /// Reads the setting `address`; `ca_file` names further authorities that may have signed the server's certificate.
    ///
    /// # Errors
    /// `Invalid`: it is another kind of address, or has more to it.
    pub fn read(address: &str, ca_file: Option<&PathBuf>, usual_port: u16) -> Result<Self> {
        let Server {
            host,
            port,
            this_machine,
        } = addresses::server("address", address, usual_port)?;
        Ok(Self {
            host,
            port,
            encrypted: ca_file.is_some() || !this_machine,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use std::path::PathBuf;

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption() {
        let authority = PathBuf::from("ca.pem");
        for (address, ca_file, host, port, encrypted) in [
            ("db.example.com", None, "db.example.com", 5432, true),
            ("db.example.com:443", None, "db.example.com", 443, true),
            (
                "localhost.example.com:1",
                None,
                "localhost.example.com",
                1,
                true,
            ),
            ("127.0.0.1:1", None, "127.0.0.1", 1, false),
            ("127.0.0.1:1", Some(&authority), "127.0.0.1", 1, true),
            ("[::1]", None, "::1", 5432, false),
        ] {
            let expected = Place {
                host: host.to_owned(),
                port,
                encrypted,
            };
            assert_eq!(Place::read(address, ca_file, 5432).unwrap(), expected);
        }
        for wrong in ["", "u:example@h", "h/db", "h?a", "/run/postgresql", "h:x"] {
            assert!(Place::read(wrong, None, 5432).is_err(), "{wrong}");
        }
    }
}
