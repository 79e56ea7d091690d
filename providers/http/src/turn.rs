//! What is done to a value of an answer before it has its name (pure).

use crate::body::Body;
use crate::pack::Turn;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex_lite::Regex;
use serde_json::Value;
use zeroize::Zeroizing;

/// The value after every turn, wiped when dropped; `None` where it has not the form that one needs.
pub(crate) fn turned(turns: &[Turn], value: &Value) -> Option<Body> {
    if turns.is_empty() {
        return Some(Body::new(value.clone()));
    }
    let mut text = Zeroizing::new(value.as_str()?.to_owned());
    for turn in turns {
        text = once(turn, &text)?;
    }
    Some(Body::new(Value::String(text.to_string())))
}

fn once(turn: &Turn, text: &str) -> Option<Zeroizing<String>> {
    let turned = match turn {
        Turn::Trim => text.trim().to_owned(),
        Turn::Base64d => decoded(text)?,
        Turn::Sha256hex => hex::encode(digest(&SHA256, text.as_bytes())),
        Turn::First(pattern) => {
            let found = Regex::new(pattern).ok()?.captures(text)?;
            found.get(1)?.as_str().to_owned()
        }
    };
    Some(Zeroizing::new(turned))
}

/// Either alphabet; text comes out.
fn decoded(text: &str) -> Option<String> {
    let bare = text.trim_end_matches('=');
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare));
    String::from_utf8(bytes.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::turned;
    use crate::pack::Turn;
    use serde_json::{Value, json};

    fn after(turns: &str, value: Value) -> Option<Value> {
        #[derive(serde::Deserialize)]
        struct Written {
            turns: Vec<Turn>,
        }
        let written: Written = toml::from_str(&format!("turns = {turns}")).unwrap();
        turned(&written.turns, &value).map(|body| body.value().clone())
    }

    #[test]
    fn each_turn_does_what_it_says_or_there_is_nothing() {
        let name = "projects/-/serviceAccounts/a@b/keys/0123abcd";
        // The hash is FIPS 180's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for (turns, value, expected) in [
            ("[]", json!(7), Some(json!(7))),
            ("['trim']", json!(" a\n"), Some(json!("a"))),
            ("['base64d']", json!("ZXhhbXBsZQ=="), Some(json!("example"))),
            ("['base64d']", json!("fn5-Pw"), Some(json!("~~~?"))),
            ("['sha256hex']", json!("abc"), Some(json!(abc))),
            (
                "[{ first = 'keys/(\\w+)$' }]",
                json!(name),
                Some(json!("0123abcd")),
            ),
            (
                "['base64d', 'trim', 'sha256hex']",
                json!("YWJjCg=="),
                Some(json!(abc)),
            ),
            ("['trim']", json!(7), None),
            ("['base64d']", json!("!"), None),
            ("['base64d']", json!("/////w=="), None),
            ("[{ first = 'keys/(\\w+)$' }]", json!("other"), None),
        ] {
            assert_eq!(after(turns, value.clone()), expected, "{turns} {value}");
        }
    }
}
