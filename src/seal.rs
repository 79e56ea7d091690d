//! Sealing: values that a rotation needs again after a crash are encrypted with a data key of that rotation,
//! and the data key with a key from the ring in `seal.key`. Destroying the data key's row shreds them all.
//!
//! AES-256-GCM of aws-lc-rs with random nonces; table, row and column are bound in, so that a sealed value
//! cannot be moved to another place. Fingerprints have a separate, long-lived key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use keywheel_contract::{FingerprintKey, SecretValue};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHECK: &[u8] = b"keywheel/seal/check/v1";
const KEY_LEN: usize = 32;

/// Why the key ring cannot be used, or a sealed value cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No file.
    #[error(
        "the seal key {0} is missing: put the copy back that was made after `keywheel init`; without it \
         values sealed by rotations under way cannot be opened, and no credential is ended"
    )]
    Missing(PathBuf),
    /// There is a file already.
    #[error("{0} exists already; it is never overwritten, as the values it seals would be lost")]
    Exists(PathBuf),
    /// The file cannot be read or written.
    #[error("the seal key {path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Others may read it.
    #[error(
        "the seal key {path} is readable by others (mode {mode:04o}): chmod 600 {path}, and consider it leaked"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key ring.
    #[error("{path} line {line}: {reason}; a line is `seal ID BASE64` or `fingerprint ID BASE64`")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What is wrong there, without the key.
        reason: &'static str,
    },
    /// The journal was sealed with other keys.
    #[error(
        "the seal key does not belong to this journal (it knows {known}): \
         point `seal.key_file` at the right file; nothing was changed"
    )]
    Foreign {
        /// Ids of the keys in the file.
        known: String,
    },
    /// A sealed value was made with a key that is not in the ring.
    #[error("the key ring has no key `{0}`")]
    NoKey(String),
    /// A sealed value was changed or moved.
    #[error("a sealed value does not open: it was changed, moved, or sealed with another key")]
    Broken,
    /// The operating system gave no randomness or the cipher failed.
    #[error("the cipher failed")]
    Cipher,
}

/// The keys of `seal.key`: every seal key by id, and the fingerprint key.
pub struct KeyRing {
    seal: BTreeMap<String, RandomizedNonceKey>,
    checks: BTreeMap<String, String>,
    newest: String,
    fingerprint: Arc<FingerprintKey>,
}

impl KeyRing {
    /// Makes a new key ring file, readable by its owner only.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub fn create(path: &Path) -> Result<(), Error> {
        let unusable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
            _ => Error::Unusable {
                path: path.to_owned(),
                reason: e.to_string(),
            },
        };
        let (seal, fingerprint) = (random_key()?, random_key()?);
        let text = zeroize::Zeroizing::new(format!(
            "# keywheel's key ring: keep a copy elsewhere, show it to nobody\nseal k1 {}\nfingerprint f1 {}\n",
            BASE64.encode(seal.expose_secret()),
            BASE64.encode(fingerprint.expose_secret()),
        ));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(unusable)
    }

    /// Reads the key ring.
    ///
    /// # Errors
    /// The file is missing, unreadable, readable by others, or malformed.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let unusable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => Error::Missing(path.to_owned()),
            _ => Error::Unusable {
                path: path.to_owned(),
                reason: e.to_string(),
            },
        };
        let mode = std::fs::metadata(path).map_err(unusable)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(unusable)?);
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let malformed = |line: usize, reason| Error::Malformed {
            path: path.to_owned(),
            line,
            reason,
        };
        let (mut seal, mut checks) = (BTreeMap::new(), BTreeMap::new());
        let (mut newest, mut fingerprint) = (String::new(), None);
        for (number, line) in text
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, line.trim()))
        {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let [kind, id, key] = words[..] else {
                return Err(malformed(number, "not three words"));
            };
            let key = BASE64
                .decode(key)
                .map_err(|_| malformed(number, "the key is not base64"))?;
            let key = SecretValue::new(key);
            if key.len() != KEY_LEN {
                return Err(malformed(number, "the key is not 32 bytes"));
            }
            match kind {
                "seal" => {
                    checks.insert(id.to_owned(), check_value(id, &key));
                    seal.insert(id.to_owned(), cipher(&key)?);
                    id.clone_into(&mut newest);
                }
                "fingerprint" => fingerprint = Some(Arc::new(FingerprintKey::new(&key))),
                _ => return Err(malformed(number, "the first word is neither")),
            }
        }
        match fingerprint {
            Some(fingerprint) if !seal.is_empty() => Ok(Self {
                seal,
                checks,
                newest,
                fingerprint,
            }),
            _ => Err(malformed(1, "a seal key or the fingerprint key is missing")),
        }
    }

    /// What the journal keeps, so that a wrong key is known at start: the newest key's check value.
    pub fn check(&self) -> &str {
        self.checks.get(&self.newest).map_or("", String::as_str)
    }

    /// Compares with what the journal keeps.
    ///
    /// # Errors
    /// The journal was made with a key that is not in this ring.
    pub fn verify(&self, kept: &str) -> Result<(), Error> {
        match self.checks.values().any(|check| check == kept) {
            true => Ok(()),
            false => Err(Error::Foreign {
                known: self.seal.keys().cloned().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The key of all fingerprints.
    pub fn fingerprint(&self) -> &Arc<FingerprintKey> {
        &self.fingerprint
    }

    /// A new data key for a rotation, and what the journal keeps of it: key id and wrapped bytes.
    ///
    /// # Errors
    /// No randomness.
    pub fn new_data_key(&self, rotation: &str) -> Result<(DataKey, String, Vec<u8>), Error> {
        let raw = random_key()?;
        let key = self
            .seal
            .get(&self.newest)
            .ok_or_else(|| Error::NoKey(self.newest.clone()))?;
        let wrapped = seal_with(key, &raw, &bound("data_key", rotation, "wrapped"))?;
        Ok((
            DataKey {
                key: cipher(&raw)?,
                rotation: rotation.to_owned(),
            },
            self.newest.clone(),
            wrapped,
        ))
    }

    /// Opens a data key from the journal.
    ///
    /// # Errors
    /// The ring lacks the key, or the bytes were changed.
    pub fn open_data_key(
        &self,
        rotation: &str,
        key_id: &str,
        wrapped: &[u8],
    ) -> Result<DataKey, Error> {
        let key = self
            .seal
            .get(key_id)
            .ok_or_else(|| Error::NoKey(key_id.to_owned()))?;
        let raw = open_with(key, wrapped, &bound("data_key", rotation, "wrapped"))?;
        Ok(DataKey {
            key: cipher(&raw)?,
            rotation: rotation.to_owned(),
        })
    }
}

/// The key under which one rotation's values are sealed.
pub struct DataKey {
    key: RandomizedNonceKey,
    rotation: String,
}

impl DataKey {
    /// Seals a value under its name.
    ///
    /// # Errors
    /// The cipher failed.
    pub fn seal(&self, name: &str, value: &SecretValue) -> Result<Vec<u8>, Error> {
        seal_with(&self.key, value, &bound("sealed", &self.rotation, name))
    }

    /// Opens what [`seal`](Self::seal) made under the same name.
    ///
    /// # Errors
    /// The bytes were changed or belong elsewhere.
    pub fn open(&self, name: &str, body: &[u8]) -> Result<SecretValue, Error> {
        open_with(&self.key, body, &bound("sealed", &self.rotation, name))
    }
}

fn random_key() -> Result<SecretValue, Error> {
    let mut bytes = vec![0; KEY_LEN];
    rand::fill(&mut bytes).map_err(|_| Error::Cipher)?;
    Ok(SecretValue::new(bytes))
}

fn cipher(key: &SecretValue) -> Result<RandomizedNonceKey, Error> {
    RandomizedNonceKey::new(&AES_256_GCM, key.expose_secret()).map_err(|_| Error::Cipher)
}

fn check_value(id: &str, key: &SecretValue) -> String {
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()),
        CHECK,
    );
    format!("{id}:{}", hex::encode(&tag.as_ref()[..16]))
}

fn bound(table: &str, row: &str, column: &str) -> String {
    format!("{table}\u{1f}{row}\u{1f}{column}")
}

/// Nonce, then ciphertext with its tag.
fn seal_with(key: &RandomizedNonceKey, value: &SecretValue, bound: &str) -> Result<Vec<u8>, Error> {
    let mut body = value.expose_secret().to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(bound.as_bytes()), &mut body)
        .map_err(|_| Error::Cipher)?;
    Ok([nonce.as_ref().as_slice(), &body].concat())
}

fn open_with(key: &RandomizedNonceKey, body: &[u8], bound: &str) -> Result<SecretValue, Error> {
    let (nonce, sealed) = body.split_at_checked(NONCE_LEN).ok_or(Error::Broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Broken)?;
    let mut opened = zeroize::Zeroizing::new(sealed.to_vec());
    let plain = key
        .open_in_place(nonce, Aad::from(bound.as_bytes()), &mut opened)
        .map_err(|_| Error::Broken)?;
    Ok(SecretValue::new(plain.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{Error, KeyRing};
    use keywheel_contract::SecretValue;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_sealed_value_opens_only_under_its_own_name_row_and_ring() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        KeyRing::create(&path).unwrap();
        let ring = KeyRing::load(&path).unwrap();
        let (key, key_id, wrapped) = ring.new_data_key("r1").unwrap();
        let value = SecretValue::from("example-value".to_owned());
        let body = key.seal("candidate", &value).unwrap();
        let again = ring.open_data_key("r1", &key_id, &wrapped).unwrap();
        assert!(again.open("candidate", &body).unwrap().matches(&value));
        assert!(matches!(again.open("old", &body), Err(Error::Broken)));
        assert!(matches!(
            ring.open_data_key("r2", &key_id, &wrapped),
            Err(Error::Broken)
        ));
        assert!(!body.windows(7).any(|w| w == b"example"));
        assert!(ring.verify(ring.check()).is_ok());
        assert!(matches!(ring.verify("k1:00"), Err(Error::Foreign { .. })));
    }

    #[test]
    fn an_exposed_or_second_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        assert!(matches!(KeyRing::load(&path), Err(Error::Missing(_))));
        KeyRing::create(&path).unwrap();
        assert!(matches!(KeyRing::create(&path), Err(Error::Exists(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            KeyRing::load(&path),
            Err(Error::Exposed { mode: 0o644, .. })
        ));
    }
}
