//! A value in a box that only the owner of a public key can open: libsodium's sealed box, which GitHub asks for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use keywheel_contract::{Error, Result, SecretValue};

/// A public key of a place, under the service's name for it.
pub(crate) struct BoxKey {
    pub(crate) id: String,
    key: PublicKey,
}

impl BoxKey {
    /// From the service's own words.
    ///
    /// # Errors
    /// `Unavailable`: it is no such key.
    pub(crate) fn read(id: String, text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text).ok();
        let key = bytes.and_then(|bytes| PublicKey::from_slice(&bytes).ok());
        match key {
            Some(key) => Ok(Self { id, key }),
            None => Err(Error::unavailable(
                "the public key that GitHub names is none: check `address`",
            )),
        }
    }

    /// The value in a box, in base 64: another one each time.
    ///
    /// # Errors
    /// `Invalid`: the cipher refused.
    pub(crate) fn seal(&self, value: &SecretValue) -> Result<String> {
        let sealed = self.key.seal(&mut OsRng, value.expose_secret());
        let sealed = sealed.map_err(|_| Error::invalid("the value could not be sealed"))?;
        Ok(STANDARD.encode(sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::BoxKey;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use crypto_box::SecretKey;
    use crypto_box::aead::OsRng;
    use keywheel_contract::SecretValue;

    #[test]
    fn only_the_owner_of_the_key_opens_it() {
        let (ours, other) = (
            SecretKey::generate(&mut OsRng),
            SecretKey::generate(&mut OsRng),
        );
        let key = BoxKey::read("1".into(), &STANDARD.encode(ours.public_key().as_bytes())).unwrap();
        let value = SecretValue::from("example é \n".to_owned());
        let (one, two) = (key.seal(&value).unwrap(), key.seal(&value).unwrap());
        assert_ne!(one, two);
        let one = STANDARD.decode(one).unwrap();
        assert_eq!(ours.unseal(&one).unwrap(), "example é \n".as_bytes());
        assert!(other.unseal(&one).is_err());
    }

    #[test]
    fn what_is_no_key_is_told() {
        for wrong in ["", "!", "ZXhhbXBsZQ=="] {
            assert_eq!(
                BoxKey::read("1".into(), wrong).err().unwrap().word(),
                "unavailable"
            );
        }
    }
}
