//! Logging in with a secret as the application does, and what Entra's answer says of it.

use super::SECRET;
use super::graph::{Known, Listed};
use super::options::AppSecretOptions;
use keywheel_contract::{Credential, Error, Liveness, Result, SecretValue};
use keywheel_http_client::{bounded_to, finished, whole};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

/// Largest answer that is read: a token may be long.
const LARGEST: usize = 64 * 1024;

/// Where the application logs in.
pub(crate) struct Door {
    client: Client,
    url: Url,
    application: String,
    scope: String,
}

/// What Entra says of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Accepted,
    /// No secret of the application is this value.
    Wrong,
    /// It was one, and is over.
    Expired,
    /// There is no such application in this tenant.
    Nobody,
    /// Nothing that counts.
    Unclear,
}

/// A proxy's page is no token.
#[derive(Deserialize)]
struct Granted<'b> {
    #[serde(borrow)]
    access_token: Cow<'b, str>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    error_codes: Vec<u64>,
}

impl Door {
    pub(crate) fn new(options: &AppSecretOptions, base: &Path) -> Result<Self> {
        let authority = options.authority()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let url = authority.join(&format!("/{}/oauth2/v2.0/token", options.tenant));
        Ok(Self {
            client: finished(bounded_to(&authority, ca_file.as_deref())?)?,
            url: url.map_err(|_| Error::invalid("`tenant` cannot stand in an address"))?,
            application: options.application.clone(),
            scope: format!("{}.default", options.graph()?),
        })
    }

    /// Logs in, and throws the token away.
    ///
    /// # Errors
    /// `Invalid`: the credential has no secret.
    pub(crate) async fn login(&self, credential: &Credential) -> Result<Said> {
        let secret = credential.fields.field(SECRET);
        let secret = secret.and_then(SecretValue::expose_secret_str);
        let secret = secret
            .ok_or_else(|| Error::invalid(format!("a secret to try needs the field `{SECRET}`")))?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.application),
            ("client_secret", secret),
            ("scope", &self.scope),
        ];
        let Ok(answer) = self.client.post(self.url.clone()).form(&form).send().await else {
            return Ok(Said::Unclear);
        };
        let status = answer.status();
        let body = whole(answer, LARGEST).await.unwrap_or_default();
        Ok(heard(status, &body))
    }
}

fn heard(status: StatusCode, body: &[u8]) -> Said {
    if status.is_success() {
        let granted: Option<Granted<'_>> = serde_json::from_slice(body).ok();
        return match granted.is_some_and(|granted| !granted.access_token.is_empty()) {
            true => Said::Accepted,
            false => Said::Unclear,
        };
    }
    let read: Option<Refused> = serde_json::from_slice(body).ok();
    match read.filter(|_| status.is_client_error()) {
        Some(refused) => said(&refused.error_codes),
        None => Said::Unclear,
    }
}

/// Entra's numbers: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
fn said(codes: &[u64]) -> Said {
    match codes.first() {
        Some(7_000_215) => Said::Wrong,
        Some(7_000_222) => Said::Expired,
        Some(700_016 | 90_002) => Said::Nobody,
        _ => Said::Unclear,
    }
}

/// Of a value that Entra does not take: a new secret may not be known yet. What no list shows was taken away.
pub(crate) fn dead_or_new(id: &str, listed: &Listed, settles: Duration) -> Liveness {
    let is_it = |known: &&Known| known.id == id;
    let since = listed
        .secrets
        .iter()
        .find(is_it)
        .and_then(|known| known.since);
    match since.is_some_and(|since| listed.now < since + settles) {
        true => Liveness::Unknown,
        false => Liveness::Dead,
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Listed, Said, StatusCode, dead_or_new, heard, said};
    use azure_core::time::parse_rfc3339;
    use keywheel_contract::Liveness;
    use std::time::Duration;

    #[test]
    fn only_what_entra_says_of_the_secret_counts() {
        for (codes, is) in [
            (&[7_000_215][..], Said::Wrong),
            (&[7_000_222], Said::Expired),
            (&[700_016], Said::Nobody),
            (&[50_196], Said::Unclear),
            (&[], Said::Unclear),
        ] {
            assert_eq!(said(codes), is, "{codes:?}");
        }
    }

    #[test]
    fn a_page_of_somebody_on_the_way_is_no_login() {
        let wrong = r#"{"error":"invalid_client","error_codes":[7000215]}"#;
        for (status, body, is) in [
            (200, r#"{"access_token":"example"}"#, Said::Accepted),
            (200, r#"{"access_token":""}"#, Said::Unclear),
            (200, r#"{"access_token":null}"#, Said::Unclear),
            (200, "{}", Said::Unclear),
            (200, "", Said::Unclear),
            (200, "<html>", Said::Unclear),
            (401, wrong, Said::Wrong),
            (502, wrong, Said::Unclear),
            (401, "<html>", Said::Unclear),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(heard(status, body.as_bytes()), is, "{status} {body}");
        }
    }

    #[test]
    fn a_secret_of_this_minute_may_not_be_known_yet() {
        let at = |text| parse_rfc3339(text).unwrap();
        let listed = Listed {
            secrets: vec![Known {
                id: "a".to_owned(),
                name: String::new(),
                hint: String::new(),
                since: Some(at("2026-01-01T00:00:00Z")),
                until: None,
            }],
            now: at("2026-01-01T00:01:00Z"),
        };
        let judged = |id, settles| dead_or_new(id, &listed, Duration::from_secs(settles));
        assert_eq!(judged("a", 120), Liveness::Unknown);
        assert_eq!(judged("a", 30), Liveness::Dead);
        assert_eq!(judged("b", 120), Liveness::Dead);
    }
}
