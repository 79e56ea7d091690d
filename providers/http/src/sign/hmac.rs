//! Codes over a request (HMAC-SHA256, RFC 2104).

use crate::pack::{Coding, Hmac};
use crate::scope::Scope;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_contract::{Error, Result, SecretValue};
use zeroize::Zeroizing;

/// The code over a request that the scope names.
///
/// # Errors
/// `Invalid`: a name has no value, or the key is not written as the pack says.
pub(crate) fn signature(how: &Hmac, scope: &Scope) -> Result<SecretValue> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key(how, scope)?);
    let code = hmac::sign(&key, how.over.fill(scope)?.as_bytes());
    Ok(SecretValue::from(match how.written {
        Coding::Hex => hex::encode(code),
        Coding::Base64 => STANDARD.encode(code),
    }))
}

fn key(how: &Hmac, scope: &Scope) -> Result<Zeroizing<Vec<u8>>> {
    let text = scope.text(&how.key)?;
    let read = match how.key_is {
        None => Some(text.as_bytes().to_vec()),
        Some(Coding::Hex) => hex::decode(text.as_bytes()).ok(),
        Some(Coding::Base64) => STANDARD.decode(text.as_bytes()).ok(),
    };
    let read = read.filter(|key| !key.is_empty()).map(Zeroizing::new);
    read.ok_or_else(|| {
        Error::invalid(format!(
            "`credentials.{}` is not written as the pack says",
            how.key
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::signature;
    use crate::pack::Hmac;
    use crate::scope::Scope;
    use keywheel_contract::SecretValue;

    fn code(key: &str, how: &str, text: &str) -> Result<String, String> {
        let how: Hmac = toml::from_str(&format!("key = 'k'\nover = '{{body}}'\n{how}")).unwrap();
        let mut scope = Scope::default();
        scope.keep("k", SecretValue::from(key.to_owned()));
        scope.keep("body", SecretValue::from(text.to_owned()));
        let code = signature(&how, &scope).map_err(|error| error.message)?;
        Ok(code.expose_secret_str().unwrap().to_owned())
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 4231, sections 4.2 and 4.3.
        let key = "0b".repeat(20);
        let first = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(
            code(&key, "key_is = 'hex'\nwritten = 'hex'", "Hi There").unwrap(),
            first
        );
        let second = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let text = "what do ya want for nothing?";
        assert_eq!(code("Jefe", "written = 'hex'", text).unwrap(), second);
        assert_eq!(
            code("SmVmZQ==", "key_is = 'base64'\nwritten = 'hex'", text).unwrap(),
            second
        );
        let written = code("Jefe", "written = 'base64'", text).unwrap();
        assert_eq!(written, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    }

    #[test]
    fn a_key_that_is_written_otherwise_is_refused_without_its_text() {
        for how in ["hex", "base64"] {
            let said = code(
                "example!",
                &format!("key_is = '{how}'\nwritten = 'hex'"),
                "",
            )
            .unwrap_err();
            assert!(
                said.contains("`credentials.k`") && !said.contains("example"),
                "{said}"
            );
        }
    }
}
