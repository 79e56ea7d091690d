//! TLS to the server, with the certificates that this machine trusts and those of `ca_file`.

use keywheel_contract::{Error, Result};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// # Errors
/// `Invalid`: `ca_file` cannot be read or holds no certificate. `Unavailable`: this machine trusts nobody.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let extra = ca_file.map_or(Ok(Vec::new()), authorities)?;
    let provider = Arc::new(default_provider());
    let unusable = |_| Error::unavailable("this machine offers no certificates to check TLS with");
    let verifier =
        Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(unusable)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous() // the name of where a verifier is set: this one checks chain, name and dates
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |why: &str| Error::invalid(format!("`ca_file` {} {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong("holds no certificate in PEM form")),
    }
}
