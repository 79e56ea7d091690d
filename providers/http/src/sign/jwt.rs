//! JSON web tokens by which we say who we are (RFC 7519, RFC 7523).

use crate::body::filled;
use crate::pack::Jwt;
use crate::scope::Scope;
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, Result, SecretValue};
use keywheel_signing::{Key, signed};
use serde_json::{Map, Value};

/// A token is dated back so far: a clock that is a little late must not make it one of the future.
const EARLIER: i64 = 30;

/// The token.
///
/// # Errors
/// `Invalid`: the key is none, or of another kind; a name has no value.
pub(crate) fn assertion(how: &Jwt, scope: &Scope, at: DateTime<Utc>) -> Result<SecretValue> {
    let (name, text) = (format!("`credentials.{}`", how.key), scope.text(&how.key)?);
    let key = Key::read(&name, &text)?;
    if key.algorithm() != how.algorithm {
        let (wanted, is) = (how.algorithm.name(), key.algorithm().name());
        return Err(Error::invalid(format!(
            "{name} is a key for {is}, and {wanted} is asked for"
        )));
    }
    let mut header = Map::new();
    for (name, text) in &how.header {
        header.insert(name.clone(), text.fill(scope)?.as_str().into());
    }
    let mut claims = filled(&how.claims, scope)?;
    let from = at.timestamp() - EARLIER;
    if let Value::Object(claims) = &mut claims {
        claims.insert("iat".to_owned(), from.into());
        claims.insert(
            "exp".to_owned(),
            (from + i64::from(how.lives_seconds)).into(),
        );
    }
    signed(&key, header, &claims)
}

#[cfg(test)]
mod tests {
    use super::assertion;
    use crate::pack::Jwt;
    use crate::scope::Scope;
    use crate::sign::moment;
    use chrono::DateTime;
    use keywheel_contract::SecretValue;
    use keywheel_signing::{Algorithm, Key, opened};
    use serde_json::json;

    const HOW: &str = "key = 'app_key'\nalgorithm = 'RS256'\nheader = { kid = '{kid}' }\n\
                       claims = { iss = '{app}', nbf = '{unix}', aud = 'https://h.example.com' }\nlives_seconds = 540";

    fn with(key: &str) -> Scope {
        let mut scope = Scope::default();
        scope.set("app", 12.into());
        scope.set("kid", "k1".into());
        scope.keep("app_key", SecretValue::from(key.to_owned()));
        scope
    }

    #[test]
    fn it_says_what_the_pack_says_and_for_how_long() {
        let how: Jwt = toml::from_str(HOW).unwrap();
        let key = Key::generate(Algorithm::Rs256).unwrap();
        let at = DateTime::from_timestamp(1_700_000_030, 0).unwrap();
        let mut scope = with(&key.pem().unwrap());
        moment(&mut scope, at).unwrap();
        let token = assertion(&how, &scope, at).unwrap();
        let token = token.expose_secret_str().unwrap();
        let (header, claims) = opened(Algorithm::Rs256, key.public(), token).unwrap();
        assert_eq!(header["kid"], "k1");
        let expected = json!({ "iss": 12, "aud": "https://h.example.com", "iat": 1_700_000_000,
                               "nbf": 1_700_000_030, "exp": 1_700_000_540 });
        assert_eq!(claims, expected);
    }

    #[test]
    fn a_key_of_another_kind_is_refused_without_its_text() {
        let how: Jwt = toml::from_str(HOW).unwrap();
        let other = Key::generate(Algorithm::Es256).unwrap().pem().unwrap();
        for (key, words) in [
            (
                other.as_str(),
                "`credentials.app_key` is a key for ES256, and RS256 is asked for",
            ),
            (
                "example-of-a-key",
                "`credentials.app_key` is no unencrypted private key",
            ),
        ] {
            let said = assertion(&how, &with(key), DateTime::default())
                .err()
                .unwrap();
            assert!(said.message.contains(words), "{said}");
            assert!(!said.message.contains("example-of"), "{said}");
        }
    }
}
