//! Reads a bearer token from where the inventory says it lies.

use crate::inventory::Reference;
use keywheel_contract::{Error, Result, SecretValue};
use reqwest::header::HeaderValue;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest token read from a file, in bytes.
const LONGEST: u64 = 8 * 1024;

/// The `Authorization` header with the token as it is now, marked so that it is never printed.
///
/// # Errors
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): there is no token, or it cannot stand in a header.
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): its file cannot be read now.
pub(super) async fn header(reference: &Reference) -> Result<HeaderValue> {
    let token = read(reference).await?;
    let bytes = Zeroizing::new([b"Bearer ", trimmed(token.expose_secret())].concat());
    if bytes.len() == b"Bearer ".len() {
        return Err(Error::invalid(format!(
            "the bearer token in {} is empty",
            shown(reference)
        )));
    }
    let mut header = HeaderValue::from_bytes(&bytes).map_err(|_| {
        Error::invalid(format!(
            "the bearer token in {} has a character that no header may hold",
            shown(reference)
        ))
    })?;
    header.set_sensitive(true);
    Ok(header)
}

async fn read(reference: &Reference) -> Result<SecretValue> {
    match reference {
        Reference::Env(name) => std::env::var(name).map(SecretValue::from).map_err(|_| {
            Error::invalid(format!(
                "the bearer token in {} is not set",
                shown(reference)
            ))
        }),
        Reference::File(path) => read_file(Path::new(path)).await,
    }
}

async fn read_file(path: &Path) -> Result<SecretValue> {
    let cannot = |why: &dyn std::fmt::Display| {
        Error::unavailable(format!(
            "cannot read the bearer token in {}: {why}",
            path.display()
        ))
    };
    let metadata = tokio::fs::metadata(path)
        .await
        .map_err(|e| cannot(&e.kind()))?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(cannot(&"not a file of at most 8 KiB"));
    }
    let bytes = tokio::fs::read(path).await.map_err(|e| cannot(&e.kind()))?;
    Ok(SecretValue::new(bytes))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_end()
}

fn shown(reference: &Reference) -> String {
    match reference {
        Reference::Env(name) => format!("the environment variable {name}"),
        Reference::File(path) => path.clone(),
    }
}
