//! SSH keys as OpenSSH writes them, for every provider that has to do with such keys: new Ed25519 pairs, and the names
//! that OpenSSH gives to public keys.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use keywheel_contract::{Error, Result, SecretValue, draw};
use zeroize::Zeroizing;

/// A key pair.
pub struct Pair {
    /// The private key, unencrypted, in OpenSSH's own form (`PROTOCOL.key` of openssh-portable).
    pub private: SecretValue,
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub public: String,
}

/// A new Ed25519 pair.
///
/// # Errors
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the operating system gives no randomness.
pub fn ed25519() -> Result<Pair> {
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
    Ok(Pair {
        private: SecretValue::new(armoured(&whole)),
        public,
    })
}

/// `SHA256:…`, as `ssh-keygen -l` names a public key that is written `type base64 …`; `None` where it is none.
pub fn fingerprint(public: &str) -> Option<String> {
    let key = STANDARD.decode(public.split_whitespace().nth(1)?).ok()?;
    Some(format!(
        "SHA256:{}",
        STANDARD_NO_PAD.encode(digest(&SHA256, &key))
    ))
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

fn random<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    draw::fill(&mut *bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{ed25519, fingerprint};
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    fn ssh_keygen(arguments: &[&str]) -> String {
        let told = Command::new("ssh-keygen").args(arguments).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn openssh_reads_the_pair_and_names_it_as_we_do() {
        let pair = ed25519().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, pair.private.expose_secret()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(ssh_keygen(&["-y", "-f", file]), pair.public);
        let named = ssh_keygen(&["-l", "-f", file]);
        let name = fingerprint(&pair.public).unwrap();
        assert!(named.contains(&name), "{named} is not {name}");
    }

    #[test]
    fn what_is_no_key_has_no_name() {
        for wrong in ["", "ssh-ed25519", "ssh-ed25519 !"] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
        let pair = ed25519().unwrap().public;
        assert_eq!(
            fingerprint(&format!("{pair} a comment")),
            fingerprint(&pair)
        );
    }
}
