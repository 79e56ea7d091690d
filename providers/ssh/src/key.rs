//! The key of a credential: its fields `private_key`, and `public_key` where it is there.

use keywheel_contract::{CredentialId, Error, Fields, Result};
use russh::keys::{HashAlg, PrivateKey, decode_secret_key};

/// Reads the key of a credential.
///
/// # Errors
/// `Invalid`: there is none, it is encrypted, not in a form that is read here, or its public half is that of another.
pub(crate) fn read(fields: &Fields) -> Result<PrivateKey> {
    let text = fields.field("private_key");
    let text = text.ok_or_else(|| Error::invalid("the credential has no field `private_key`"))?;
    let text = text.expose_secret_str().unwrap_or_default();
    // The reader's own words are not passed on: they could quote the key.
    let key = decode_secret_key(text, None).map_err(|_| {
        Error::invalid("`private_key` is no unencrypted private key in the form of OpenSSH")
    })?;
    match fields
        .field("public_key")
        .map(|public| public.expose_secret_str())
    {
        Some(told) if told.and_then(keywheel_ssh_keys::fingerprint) != Some(name(&key)) => {
            Err(Error::invalid("`public_key` is not that of `private_key`"))
        }
        _ => Ok(key),
    }
}

/// How its issuer names it: by the fingerprint of its public half.
pub(crate) fn id(key: &PrivateKey) -> CredentialId {
    CredentialId::new(name(key))
}

fn name(key: &PrivateKey) -> String {
    key.public_key().fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::{id, read};
    use keywheel_contract::{Fields, SecretValue};

    fn fields(private: &str, public: Option<&str>) -> Fields {
        let value = |text: &str| SecretValue::from(text.to_owned());
        let mut fields = Fields::new();
        fields.insert("private_key", value(private));
        if let Some(public) = public {
            fields.insert("public_key", value(public));
        }
        fields
    }

    #[test]
    fn a_pair_is_read_and_named_as_openssh_names_it() {
        let (pair, other) = (
            keywheel_ssh_keys::ed25519().unwrap(),
            keywheel_ssh_keys::ed25519().unwrap(),
        );
        let private = pair.private.expose_secret_str().unwrap();
        for public in [
            None,
            Some(pair.public.as_str()),
            Some(&format!("{} me", pair.public)),
        ] {
            let key = read(&fields(private, public)).unwrap();
            let name = keywheel_ssh_keys::fingerprint(&pair.public).unwrap();
            assert_eq!(id(&key).as_str(), name);
        }
        assert!(read(&fields(private, Some(&other.public))).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused_without_its_text() {
        for wrong in [
            "",
            "example-of-a-value",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nexample-of-a-value\n",
        ] {
            let error = read(&fields(wrong, None)).unwrap_err();
            assert!(!error.message.contains("example-of"), "{error}");
        }
    }
}
