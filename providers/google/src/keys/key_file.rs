//! The key file, as Google's libraries read it.

use super::calls::Account;
use super::options::ServiceKeyOptions;
use super::{EMAIL, KEY_ID, VALUE};
use keywheel_contract::{Error, Fields, Result, SecretValue};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What is in a file. No other library needs less: Java's wants the account's number and the key's name too.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    project_id: &'a str,
    private_key_id: &'a str,
    private_key: &'a str,
    client_email: &'a str,
    client_id: &'a str,
    auth_uri: &'a str,
    token_uri: &'a str,
    universe_domain: &'a str,
}

/// What is read of one, whoever made it. The private key is wiped when dropped.
#[derive(Deserialize)]
pub(crate) struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    pub(crate) private_key_id: String,
    #[serde(deserialize_with = "wiped")]
    pub(crate) private_key: Zeroizing<String>,
    pub(crate) client_email: String,
}

fn wiped<'de, D: Deserializer<'de>>(text: D) -> std::result::Result<Zeroizing<String>, D::Error> {
    String::deserialize(text).map(Zeroizing::new)
}

/// A credential's fields: the file, and what of it is no secret.
pub(crate) fn written(
    options: &ServiceKeyOptions,
    account: &Account,
    id: &str,
    private_key: &str,
) -> Result<Fields> {
    let token_uri = options.token_url()?;
    let written = Written {
        kind: "service_account",
        project_id: options.project()?,
        private_key_id: id,
        private_key,
        client_email: &options.account,
        client_id: &account.unique_id,
        auth_uri: "https://accounts.google.com/o/oauth2/auth",
        token_uri: token_uri.as_str(),
        universe_domain: "googleapis.com",
    };
    let text = text(&written)?;
    let mut fields = Fields::new();
    fields.insert(VALUE, SecretValue::new(text));
    fields.insert(KEY_ID, SecretValue::from(id.to_owned()));
    fields.insert(EMAIL, SecretValue::from(options.account.clone()));
    Ok(fields)
}

/// With room for all of it beforehand: text that outgrows its room is copied, and what it leaves behind is not wiped.
fn text(written: &Written<'_>) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(room(written.private_key));
    let done = serde_json::to_writer_pretty(&mut text, written);
    done.map_err(|_| Error::invalid("the key file cannot be written"))?;
    Ok(text)
}

/// Each line end of the key becomes two characters; the rest of the file is short.
fn room(private_key: &str) -> usize {
    private_key.len() * 2 + 2048
}

/// Whether a credential looks like a file of Google's, of whatever account and form: somebody may log in with it.
pub(crate) fn looks_like_one(fields: &Fields) -> bool {
    let text = fields.field(VALUE).map(SecretValue::expose_secret);
    let members: BTreeMap<String, IgnoredAny> = text
        .and_then(|text| serde_json::from_slice(text).ok())
        .unwrap_or_default();
    members.contains_key("type")
}

/// The file of a credential, if it is one of this account. The parser's own words could quote the key.
pub(crate) fn read(fields: &Fields, account: &str) -> Option<KeyFile> {
    let text = fields.field(VALUE)?.expose_secret();
    let file: KeyFile = serde_json::from_slice(text).ok()?;
    (file.kind == "service_account" && file.client_email == account).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::{Written, room, text};

    #[test]
    fn a_file_is_written_without_being_copied() {
        let private_key = "example\n".repeat(213);
        let account = "x".repeat(256);
        let written = Written {
            kind: "service_account",
            project_id: &account,
            private_key_id: &account,
            private_key: &private_key,
            client_email: &account,
            client_id: &account,
            auth_uri: &account,
            token_uri: &account,
            universe_domain: "googleapis.com",
        };
        let text = text(&written).unwrap();
        assert_eq!(text.capacity(), room(&private_key));
        assert!(text.len() > private_key.len());
    }
}
