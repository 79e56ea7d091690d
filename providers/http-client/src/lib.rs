//! How stores are called over HTTP: each call is bounded, never redirected and never sent twice by itself, for both
//! could carry a token or a value where it must not go. What an answer means is for the provider to say.

mod answers;
mod certificate;
mod server;
mod young;

pub use answers::{Effect, broken, broken_showing, retry_after, whole};
pub use certificate::{refused, showing};
pub use server::{Answer, Server};
pub use young::Young;

use keywheel_contract::{Error, Result};
use reqwest::{Certificate, Client, ClientBuilder, Url, redirect, retry};
use std::path::Path;
use std::time::Duration;

/// How long one call may take, from the name's resolution to the last byte.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long connecting may take; what failed to connect was certainly not sent.
const CONNECTING: Duration = Duration::from_secs(5);

/// A client with these bounds, whoever is called.
pub fn bounded() -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .connect_timeout(CONNECTING)
        .timeout(PATIENCE)
}

/// A client of one server: past every proxy where nothing is encrypted, and trusting the authorities of `ca_file` too.
///
/// # Errors
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): `ca_file` cannot be read, or holds no certificate.
pub fn bounded_to(origin: &Url, ca_file: Option<&Path>) -> Result<ClientBuilder> {
    let mut client = bounded();
    if origin.scheme() == "http" {
        client = client.no_proxy();
    }
    if let Some(file) = ca_file {
        client = client.tls_certs_merge(authorities(file)?);
    }
    Ok(client)
}

/// The finished client.
///
/// # Errors
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): this machine offers no certificates to check TLS with.
pub fn finished(client: ClientBuilder) -> Result<Client> {
    client
        .build()
        .map_err(|_| Error::unavailable("this machine offers no certificates to check TLS with"))
}

fn authorities(file: &Path) -> Result<Vec<Certificate>> {
    let wrong = |why: &str| Error::invalid(format!("`ca_file` {} {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong("holds no certificate in PEM form")),
    }
}
