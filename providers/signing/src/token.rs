//! JSON web tokens (RFC 7519) in the compact form of RFC 7515, section 7.1.

use crate::key::{Algorithm, Key};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keywheel_contract::{Result, SecretValue};
use serde_json::{Map, Value};

/// A token with these claims, signed by this key. `header` has what its header says beside `alg` and `typ`.
///
/// # Errors
/// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): the library failed.
pub fn signed(key: &Key, mut header: Map<String, Value>, claims: &Value) -> Result<SecretValue> {
    header.insert("alg".to_owned(), key.algorithm().name().into());
    header.insert("typ".to_owned(), "JWT".into());
    let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", encoded(&Value::Object(header)), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())?);
    Ok(SecretValue::from(format!("{text}.{signature}")))
}

/// Header and claims of a token that was signed so, by the private half of this public key ([`Key::public`]); `None`
/// where it was not. What the claims say of time is not looked at.
#[must_use]
pub fn opened(algorithm: Algorithm, public: &[u8], token: &str) -> Option<(Value, Value)> {
    let (text, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let by: &dyn VerificationAlgorithm = match algorithm {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::EdDsa => &ED25519,
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let public = UnparsedPublicKey::new(by, public);
    public.verify(text.as_bytes(), &signature).ok()?;
    let (header, claims) = text.split_once('.')?;
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let header: Value = read(header)?;
    (header["alg"] == algorithm.name()).then_some(())?;
    Some((header, read(claims)?))
}

#[cfg(test)]
mod tests {
    use super::{opened, signed};
    use crate::key::{Algorithm, Key};
    use crate::pem;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::{Map, json};

    /// The claims of RFC 7515's examples, encoded.
    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    /// The published key of its appendix A.2, written as PKCS#1.
    const KEY: &str = "MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\
         P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5re\
         xMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWN\
         moudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35SbEUAVx8dYXUdZOlJ\
         cHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cfUhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVA\
         oLvhowVWmC1On95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKKVf9GRx80JQY7nVNkL17eHoTW\
         Ewga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ\
         4TlUbjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB\
         0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPEfgmV\
         tjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/\
         HlB+TnBA+njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7DOX4IKjzdahm\
         +ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2\
         yza7q+d5PCsDzqtm27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN54dxdixdpozCQ6U4OxZr\
         sj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCCMx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneey\
         xN2Wq93S0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1ZNqMtuhdBJqUnBi6tjKMF+34Xf0CU\
         N8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
        AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
        BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
        0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
        hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
        p0igcN_IoypGlUPQGe77Rw";
    /// Of appendix A.3: the signature and the point's coordinates.
    const ELLIPTIC: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn published() -> Key {
        let der = STANDARD.decode(KEY).unwrap();
        Key::read("it", &pem::armoured("RSA PRIVATE KEY", &der)).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_signed_as_it_says() {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
        let text = format!("{head}.{CLAIMS}");
        let key = published();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
        assert_eq!(signature, SIGNATURE);
        let whole = format!("{text}.{signature}");
        let (_, claims) = opened(Algorithm::Rs256, key.public(), &whole).unwrap();
        assert_eq!(
            (&claims["iss"], &claims["exp"]),
            (&json!("joe"), &json!(1_300_819_380))
        );
    }

    #[test]
    fn the_example_with_an_elliptic_curve_is_taken() {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
        let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let point = [vec![4], coordinate(X), coordinate(Y)].concat();
        let token = format!("{head}.{CLAIMS}.{ELLIPTIC}");
        assert!(opened(Algorithm::Es256, &point, &token).is_some());
        let other = token.replacen("eyJpc3M", "eyJpc3N", 1);
        assert!(opened(Algorithm::Es256, &point, &other).is_none());
    }

    #[test]
    fn a_token_is_opened_by_its_own_key_and_algorithm_alone() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let (key, other) = (
                Key::generate(algorithm).unwrap(),
                Key::generate(algorithm).unwrap(),
            );
            let header = Map::from_iter([
                ("kid".to_owned(), json!("k1")),
                ("alg".to_owned(), json!("none")),
            ]);
            let claims = json!({ "iss": "example", "exp": 1 });
            let token = signed(&key, header, &claims).unwrap();
            let token = token.expose_secret_str().unwrap();
            let (header, read) = opened(algorithm, key.public(), token).unwrap();
            assert_eq!(
                header,
                json!({ "alg": algorithm.name(), "typ": "JWT", "kid": "k1" })
            );
            assert_eq!(read, claims);
            assert!(opened(algorithm, other.public(), token).is_none());
            for wrong in ["", "a", "a.b", "a.b.c", &token[..token.len() - 9]] {
                assert!(opened(algorithm, key.public(), wrong).is_none(), "{wrong}");
            }
        }
    }
}
