//! A certificate of ours, by which a server knows us (mutual TLS), and what servers say of it.

use keywheel_contract::{Error, Result, SecretValue};
use reqwest::{Client, ClientBuilder, Identity};
use rustls::AlertDescription;
use std::io;
use zeroize::Zeroizing;

/// The finished client, which shows this certificate to a server that asks for one. Both are texts in PEM: the
/// certificate, followed by those of authorities that the server may not know, and its private key, not encrypted. No
/// connection is used twice, so that a refusal is always about the handshake, and none leads over a proxy, which might be
/// shown it too.
///
/// # Errors
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): they are none, or do not belong together.
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): this machine offers no certificates to check TLS with.
pub fn showing(
    client: ClientBuilder,
    certificate: &SecretValue,
    key: &SecretValue,
) -> Result<Client> {
    let (certificate, key) = (certificate.expose_secret(), key.expose_secret());
    let mut pem = Zeroizing::new(Vec::with_capacity(certificate.len() + 1 + key.len()));
    for part in [certificate, b"\n", key] {
        pem.extend_from_slice(part);
    }
    let identity = Identity::from_pem(&pem).map_err(|_| {
        Error::invalid(
            "not a certificate and its private key, each in PEM form and the key not encrypted",
        )
    })?;
    let client = client.identity(identity).pool_max_idle_per_host(0);
    let client = client.no_proxy().build();
    client.map_err(|error| unusable(&error))
}

fn unusable(error: &reqwest::Error) -> Error {
    match tls(error) {
        Some(rustls::Error::InconsistentKeys(_)) => {
            Error::invalid("the private key is not that of the certificate")
        }
        Some(_) => Error::invalid("a certificate and a private key that cannot be used for TLS"),
        None => Error::unavailable("this machine offers no certificates to check TLS with"),
    }
}

/// What the server said of our certificate, or of there being none, where it ended the connection for that before any
/// status came. While a body is read, the same words are about something else.
#[must_use]
pub fn refused(error: &reqwest::Error) -> Option<&'static str> {
    let Some(rustls::Error::AlertReceived(alert)) = tls(error).filter(|_| error.is_request())
    else {
        return None;
    };
    Some(match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "lets in nobody without a certificate of their own, and none was shown"
        }
        AlertDescription::CertificateExpired => {
            "refuses the certificate that we show, which is over or not in force yet"
        }
        AlertDescription::CertificateRevoked => {
            "refuses the certificate that we show, which was revoked"
        }
        AlertDescription::UnknownCA => {
            "refuses the certificate that we show, which no authority signed that it knows"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        // A signature that does not hold: by another authority of the same name, say.
        | AlertDescription::DecryptError => {
            "refuses the certificate that we show, or that we show none"
        }
        _ => return None,
    })
}

/// The error of TLS below one of HTTP. An error of input and output does not name the one that it wraps as its source.
fn tls(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = std::error::Error::source(error);
    while let Some(one) = next {
        if let Some(found) = one.downcast_ref() {
            return Some(found);
        }
        let wrapped = one
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn std::error::Error + 'static));
        next = wrapped.or_else(|| one.source());
    }
    None
}
