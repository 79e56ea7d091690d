//! Values that we choose ourselves.

use crate::pack::{Draw, Field};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::draw::{self, LETTERS_AND_DIGITS};
use keywheel_contract::{Error, Fields, Result, SecretValue};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// New values for every field that we choose; a key pair fills `public_key` too.
///
/// # Errors
/// `Unavailable`: the operating system gives no randomness.
pub(crate) fn draw(fields: &BTreeMap<String, Field>) -> Result<Fields> {
    let mut drawn = Fields::new();
    for (name, field) in fields {
        match field.draw {
            Some(Draw::Alphanumeric(length)) => {
                let length = usize::try_from(length).unwrap_or(0);
                drawn.insert(name, alphanumeric(length)?);
            }
            Some(Draw::SshEd25519) => {
                let (private, public) = ed25519()?;
                drawn.insert(name, private);
                drawn.insert("public_key", SecretValue::from(public));
            }
            None => {}
        }
    }
    Ok(drawn)
}

/// So many random letters and digits, each as likely as any other.
pub(crate) fn alphanumeric(length: usize) -> Result<SecretValue> {
    draw::draw(LETTERS_AND_DIGITS, length)
}

fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    draw::fill(&mut *bytes)?;
    Ok(bytes)
}

/// A private key in OpenSSH's own form (PROTOCOL.key of openssh-portable), and its public half.
fn ed25519() -> Result<(SecretValue, String)> {
    let seed = random::<32>()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
        .map_err(|_| Error::unavailable("no key pair can be made"))?;
    let public = pair.public_key().as_ref();
    let mut blob = Vec::new();
    string(&mut blob, b"ssh-ed25519");
    string(&mut blob, public);
    let private = secret_part(&seed, public, &*random::<4>()?);
    let mut whole = Zeroizing::new(Vec::with_capacity(512));
    whole.extend_from_slice(b"openssh-key-v1\0");
    for text in [b"none".as_slice(), b"none", b""] {
        string(&mut whole, text);
    }
    whole.extend_from_slice(&1_u32.to_be_bytes());
    string(&mut whole, &blob);
    string(&mut whole, &private);
    let public = format!("ssh-ed25519 {}", STANDARD.encode(&blob));
    Ok((SecretValue::new(armoured(&whole)), public))
}

fn secret_part(seed: &[u8; 32], public: &[u8], check: &[u8; 4]) -> Zeroizing<Vec<u8>> {
    let mut part = Zeroizing::new(Vec::with_capacity(256));
    part.extend_from_slice(check);
    part.extend_from_slice(check);
    string(&mut part, b"ssh-ed25519");
    string(&mut part, public);
    let mut pair = Zeroizing::new([0; 64]);
    pair[..32].copy_from_slice(seed);
    pair[32..].copy_from_slice(public);
    string(&mut part, &*pair);
    string(&mut part, b"");
    let padding = (8 - part.len() % 8) % 8;
    part.extend((1..=padding).filter_map(|n| u8::try_from(n).ok()));
    part
}

/// A length and as many bytes (RFC 4251, section 5).
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn armoured(bytes: &[u8]) -> Vec<u8> {
    let text = Zeroizing::new(STANDARD.encode(bytes));
    let mut out = Vec::with_capacity(text.len() + text.len() / 70 + 80);
    out.extend_from_slice(b"-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(70) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(b"-----END OPENSSH PRIVATE KEY-----\n");
    out
}

#[cfg(test)]
mod tests {
    use super::ed25519;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    #[test]
    fn openssh_reads_the_pair() {
        let (private, public) = ed25519().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, private.expose_secret()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let told = Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap().trim(), public);
    }
}
