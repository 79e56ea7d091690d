//! Cleans what a program says before it reaches a person, a log or the journal.

use crate::wire::decode_base64;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use keywheel_contract::SecretValue;
use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Longest text that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// Longest text that is looked at, in bytes. A longer one is not shown at all: cutting it could cut a value
/// in two, and half a value is not recognised.
const MAX_READ: usize = 8 * 1024;

/// Shorter pieces (a line, an encoding) are too common in plain sentences to be looked for.
const MIN_PIECE: usize = 4;

/// Every secret value of a conversation, in the forms in which a program is likely to repeat it.
pub(crate) struct Scrub(Vec<Zeroizing<Vec<u8>>>);

impl Scrub {
    /// Collects the values from request and answer. An answer that breaks off gives what it has.
    pub(crate) fn of(messages: &[&[u8]]) -> Self {
        let mut values = Vec::new();
        for message in messages {
            let mut parser = serde_json::Deserializer::from_slice(message);
            // What cannot be parsed is reported elsewhere; here only the values count.
            parser.deserialize_any(Walk(&mut values)).ok();
        }
        Self(values.iter().flat_map(forms).collect())
    }

    /// The text without values and control characters, shortened.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.clean_bytes(text.as_bytes())
    }

    /// Like [`clean`](Self::clean), for bytes that may be no text.
    pub(crate) fn clean_bytes(&self, text: &[u8]) -> String {
        if text.len() > MAX_READ {
            return format!("(a text of {} bytes, not shown)", text.len());
        }
        let kept = Zeroizing::new(self.without_values(text));
        let plain: String = String::from_utf8_lossy(&kept)
            .chars()
            .map(|c| if is_plain(c) { c } else { ' ' })
            .take(MAX_SHOWN)
            .collect();
        plain.trim().to_owned()
    }

    /// Whether any value is in the bytes, in any of its forms.
    pub(crate) fn finds(&self, bytes: &[u8]) -> bool {
        let holds = |needle: &Zeroizing<Vec<u8>>| {
            let mut windows = bytes.windows(needle.len());
            windows.any(|window| window == needle.as_slice())
        };
        self.0.iter().any(holds)
    }

    /// Replaces every stretch that is covered by values, overlapping ones included.
    fn without_values(&self, text: &[u8]) -> Vec<u8> {
        let mut covered = vec![false; text.len()];
        for needle in &self.0 {
            for (start, window) in text.windows(needle.len()).enumerate() {
                if window == needle.as_slice() {
                    covered[start..start + needle.len()].fill(true);
                }
            }
        }
        let mut kept = Vec::with_capacity(text.len());
        for (at, byte) in text.iter().enumerate() {
            if !covered[at] {
                kept.push(*byte);
            } else if at == 0 || !covered[at - 1] {
                kept.extend_from_slice(b"[secret]");
            }
        }
        kept
    }
}

/// Whether a name from outside can be stored and printed: not empty, at most 1024 bytes, no control or
/// text-direction characters.
pub(crate) fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 1024 && id.chars().all(is_plain)
}

/// Neither a control character nor one that reorders the text around it on a screen.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn forms(value: &SecretValue) -> Vec<Zeroizing<Vec<u8>>> {
    let bytes = value.expose_secret();
    let mut pieces = vec![
        BASE64_STANDARD_NO_PAD.encode(bytes).into_bytes(),
        BASE64_URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
        hex::encode(bytes).into_bytes(),
        hex::encode_upper(bytes).into_bytes(),
        percent_encoded(bytes).into_bytes(),
    ];
    pieces.extend(
        bytes
            .split(|b| matches!(b, b'\n' | b'\r'))
            .map(<[u8]>::to_vec),
    );
    if let Some(Ok(json)) = value.expose_secret_str().map(serde_json::to_string) {
        pieces.push(json.trim_matches('"').as_bytes().to_vec());
    }
    pieces.retain(|piece| piece.len() >= MIN_PIECE);
    if !bytes.is_empty() {
        pieces.push(bytes.to_vec());
    }
    pieces.into_iter().map(Zeroizing::new).collect()
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

/// Walks any JSON and keeps the texts below the keys `text` and `base64`.
struct Walk<'a>(&'a mut Vec<SecretValue>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "text" => object.next_value_seed(Keep(Walk(self.0), false))?,
                "base64" => object.next_value_seed(Keep(Walk(self.0), true))?,
                _ => object.next_value_seed(Walk(self.0))?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Keeps a text; `true` means that it is base64, of which both forms are kept.
struct Keep<'a>(Walk<'a>, bool);

impl<'de> DeserializeSeed<'de> for Keep<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let values = self.0.0;
        if self.1 {
            values.extend(decode_base64(text.as_bytes()));
        }
        values.push(SecretValue::new(text.as_bytes().to_vec()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<(), A::Error> {
        self.0.visit_map(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        self.0.visit_seq(list)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Scrub, is_plain_id};

    fn scrub() -> Scrub {
        Scrub::of(&[
            br#"{"fields":{"a":{"text":"example \"one\"\nexample-two"}},"n":[1,-1,1.5,null,true]}"#,
            br#"{"list":[{"base64":"AP9leGFtcGxl"}],"broken":"#,
        ])
    }

    #[test]
    fn a_value_is_found_in_every_usual_form() {
        for text in [
            "said example \"one\"\nexample-two.",
            "said example-two alone.",
            "said example \\\"one\\\"\\nexample-two.",
            "said example%20%22one%22%0Aexample-two.",
            "said ZXhhbXBsZSAib25lIgpleGFtcGxlLXR3bw==.",
            "said 6578616d706c6520226f6e65220a6578616d706c652d74776f.",
            "said AP9leGFtcGxl.",
        ] {
            let shown = scrub().clean(text);
            assert!(shown.starts_with("said [secret]"), "{shown}");
            assert!(!shown.contains("example"), "{shown}");
        }
        assert_eq!(scrub().clean_bytes(b"raw \x00\xffexample"), "raw [secret]");
    }

    #[test]
    fn values_that_overlap_leave_nothing() {
        let scrub = Scrub::of(&[br#"[{"text":"abcdef"},{"text":"defghi"},{"text":"x"}]"#]);
        assert_eq!(scrub.clean("1 abcdefghi 2 x"), "1 [secret] 2 [secret]");
    }

    #[test]
    fn what_is_shown_is_short_and_plain() {
        assert_eq!(scrub().clean("a\u{1b}[31m\u{202e}b\n"), "a [31m b");
        assert_eq!(scrub().clean(&"a".repeat(1000)).len(), 300);
        assert!(scrub().clean(&"a".repeat(9000)).contains("not shown"));
        assert!(is_plain_id("role app_b") && !is_plain_id("") && !is_plain_id("a\n"));
    }
}
