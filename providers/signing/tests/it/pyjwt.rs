//! Keys and tokens of ours against `PyJWT`, and its tokens against ours.

use keywheel_signing::{Algorithm, Key, opened, signed};
use keywheel_test_servers::python::Packages;
use serde_json::{Map, Value, json};

/// As `tests/servers` has them.
const PACKAGES: &[&str] = &["cryptography==50.0.2", "pyjwt==2.15.1"];

/// Opens our token by the public half of our key, and signs one by a key of its own in the older form; tells of both.
const SCRIPT: &str = r#"
import json, sys, jwt
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
asked = json.load(sys.stdin)
public = s.load_pem_private_key(asked["key"].encode(), None).public_key()
said = jwt.decode(asked["token"], public, algorithms=[asked["algorithm"]], audience="example")
try:
    other = jwt.decode(asked["other"], public, algorithms=[asked["algorithm"]], audience="example")
except jwt.InvalidSignatureError:
    other = None
made = {"RS256": lambda: rsa.generate_private_key(65537, 2048), "ES256": lambda: ec.generate_private_key(ec.SECP256R1())}
key = made.get(asked["algorithm"], lambda: s.load_pem_private_key(asked["key"].encode(), None))()
form = s.PrivateFormat.PKCS8 if asked["algorithm"] == "EdDSA" else s.PrivateFormat.TraditionalOpenSSL
pem = key.private_bytes(s.Encoding.PEM, form, s.NoEncryption()).decode()
token = jwt.encode({"iss": "python"}, key, algorithm=asked["algorithm"], headers={"kid": "k2"})
print(json.dumps({"said": said, "other": other, "kid": jwt.get_unverified_header(asked["token"])["kid"], "key": pem, "token": token}))
"#;

#[test]
fn tokens_are_taken_and_keys_are_read_on_either_side() {
    let Some(packages) = Packages::installed(PACKAGES) else {
        return;
    };
    let claims = json!({ "iss": "keywheel", "aud": "example", "exp": 4_000_000_000_u64 });
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let key = Key::generate(algorithm).unwrap();
        let token = |key: &Key| {
            let header = Map::from_iter([("kid".to_owned(), json!("k1"))]);
            let token = signed(key, header, &claims).unwrap();
            token.expose_secret_str().unwrap().to_owned()
        };
        let other = token(&Key::generate(algorithm).unwrap());
        let asked = json!({ "key": *key.pem().unwrap(), "token": token(&key), "other": other,
                            "algorithm": algorithm.name() });
        let told: Value =
            serde_json::from_str(&packages.run(SCRIPT, &[], &asked.to_string())).unwrap();
        assert_eq!(
            (&told["said"], &told["kid"]),
            (&claims, &json!("k1")),
            "{algorithm:?}"
        );
        assert_eq!(told["other"], Value::Null, "{algorithm:?}");
        let theirs = Key::read("theirs", told["key"].as_str().unwrap()).unwrap();
        assert_eq!(theirs.algorithm(), algorithm);
        let (header, said) =
            opened(algorithm, theirs.public(), told["token"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&header["kid"], &said["iss"]),
            (&json!("k2"), &json!("python"))
        );
    }
}
