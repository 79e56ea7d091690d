//! The calls to Microsoft Graph: what is asked, and what the answers hold.

use super::options::AppSecretOptions;
use super::{CLIENT_ID, KEY_ID, SECRET, TENANT_ID};
use crate::login::Identity;
use azure_core::credentials::{AccessToken, TokenCredential as _};
use azure_core::time::{OffsetDateTime, parse_rfc3339, parse_rfc7231, to_rfc3339};
use keywheel_contract::{
    Credential, CredentialId, Error, ErrorKind, Fields, Result, SecretValue, Tag,
};
use keywheel_http_client::{Effect, bounded_to, broken, finished, retry_after, whole};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// Largest answer that is read: an application has at most a few hundred secrets.
const LARGEST: usize = 1024 * 1024;
/// A token is not used in its last minutes.
const SPARE: Duration = Duration::from_secs(300);

/// One application at Graph, as us.
pub(crate) struct Graph {
    pub(crate) options: AppSecretOptions,
    client: Client,
    origin: Url,
    identity: Identity,
    token: Mutex<Option<AccessToken>>,
}

/// One secret of the application, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The value's first characters.
    pub(crate) hint: String,
    pub(crate) since: Option<OffsetDateTime>,
    pub(crate) until: Option<OffsetDateTime>,
}

/// Its secrets, and the time by Graph's clock.
pub(crate) struct Listed {
    pub(crate) secrets: Vec<Known>,
    pub(crate) now: OffsetDateTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    /// An application without one has an empty list: what has none is no answer of Graph's.
    password_credentials: Vec<Password>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    key_id: String,
    display_name: Option<String>,
    hint: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    key_id: String,
    secret_text: String,
}

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    code: String,
}

impl Graph {
    /// Nothing is read or called yet.
    pub(crate) fn new(options: AppSecretOptions, base: &Path) -> Result<Self> {
        let origin = options.graph()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let (login, authority) = (&options.login, options.authority()?);
        let identity = Identity::new(login, &authority, options.ca_file.as_deref(), base)?;
        Ok(Self {
            client: finished(bounded_to(&origin, ca_file.as_deref())?)?,
            origin,
            identity,
            options,
            token: Mutex::default(),
        })
    }

    /// The application's secrets.
    ///
    /// # Errors
    /// `Invalid`: there is no such application.
    pub(crate) async fn secrets(&self) -> Result<Listed> {
        let what = self.what("looking at");
        let mut url = self.url("")?;
        url.set_query(Some("$select=passwordCredentials"));
        let answer = self
            .send(self.client.get(url), &what, Effect::Reads)
            .await?;
        let date = answer
            .headers()
            .get("date")
            .and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| parse_rfc7231(date).ok());
        let body = whole(answer, LARGEST).await;
        let body = body.map_err(|error| broken("Graph", &error, Effect::Reads))?;
        let read: Application = serde_json::from_slice(&body)
            .map_err(|_| Error::unavailable(format!("{what}: an answer that cannot be read")))?;
        Ok(Listed {
            secrets: read.password_credentials.into_iter().map(known).collect(),
            now: now.unwrap_or_else(OffsetDateTime::now_utc),
        })
    }

    /// Makes a secret of that name.
    pub(crate) async fn add(&self, tag: &Tag) -> Result<Credential> {
        let what = self.what("making a secret of");
        let days = Duration::from_secs(u64::from(self.options.days()) * 86_400);
        let until = to_rfc3339(&(OffsetDateTime::now_utc() + days));
        let wanted = json!({ "displayName": tag.as_str(), "endDateTime": until });
        let asked = self.client.post(self.url("/addPassword")?);
        let asked = asked.json(&json!({ "passwordCredential": wanted }));
        let answer = self.send(asked, &what, Effect::Changes).await?;
        let body = whole(answer, LARGEST).await;
        let body = body.map_err(|error| broken("Graph", &error, Effect::Changes))?;
        let made: Made = serde_json::from_slice(&body).map_err(|_| {
            Error::unknown_outcome(format!("{what}: an answer that cannot be read"))
        })?;
        Ok(self.credential(made))
    }

    /// Takes a secret away.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`: perhaps it is not there.
    pub(crate) async fn remove(&self, id: &CredentialId) -> Result<()> {
        let what = self.what(&format!("taking secret {id} from"));
        let asked = self.client.post(self.url("/removePassword")?);
        let asked = asked.json(&json!({ "keyId": id.as_str() }));
        self.send(asked, &what, Effect::Changes).await.map(drop)
    }

    fn credential(&self, made: Made) -> Credential {
        let public = |name: &str, text: &str| (name.to_owned(), SecretValue::from(text.to_owned()));
        let fields = [
            (SECRET.to_owned(), SecretValue::from(made.secret_text)),
            public(KEY_ID, &made.key_id),
            public(CLIENT_ID, &self.options.application),
            public(TENANT_ID, &self.options.tenant),
        ];
        Credential {
            id: CredentialId::new(made.key_id),
            fields: fields.into_iter().collect::<Fields>(),
        }
    }

    fn what(&self, verb: &str) -> String {
        format!("{verb} application {}", self.options.application)
    }

    fn url(&self, end: &str) -> Result<Url> {
        let path = format!(
            "/v1.0/applications(appId='{}'){end}",
            self.options.application
        );
        self.origin
            .join(&path)
            .map_err(|_| Error::invalid("`application` cannot stand in an address"))
    }

    /// The answer where it is a success. A token that Graph takes no more is thrown away.
    async fn send(&self, asked: RequestBuilder, what: &str, effect: Effect) -> Result<Response> {
        let token = self.token().await?;
        let sent = asked.bearer_auth(token.as_str()).send().await;
        let answer = sent.map_err(|error| broken("Graph", &error, effect))?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.token.lock().await.take();
        }
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(self.refused(answer, what, effect).await),
        }
    }

    async fn token(&self) -> Result<Zeroizing<String>> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref()
            && token.expires_on > OffsetDateTime::now_utc() + SPARE
        {
            return Ok(Zeroizing::new(token.token.secret().to_owned()));
        }
        let scope = format!("{}.default", self.origin);
        let made = self.identity.get_token(&[&scope], None).await;
        let made = made.map_err(|error| {
            crate::refusal::refusal(&error, "logging in to Graph", crate::refusal::Effect::Reads)
        })?;
        let text = Zeroizing::new(made.token.secret().to_owned());
        *kept = Some(made);
        Ok(text)
    }

    async fn refused(&self, answer: Response, what: &str, effect: Effect) -> Error {
        let (status, after) = (answer.status().as_u16(), retry_after(answer.headers()));
        let body = whole(answer, LARGEST).await.unwrap_or_default();
        let read: Option<Body> = serde_json::from_slice(&body).ok();
        let code = read.map(|body| body.error.code).unwrap_or_default();
        refusal(status, &code, after, what, effect)
    }
}

fn known(read: Password) -> Known {
    let time = |text: Option<String>| parse_rfc3339(&text?).ok();
    Known {
        id: read.key_id,
        name: read.display_name.unwrap_or_default(),
        hint: read.hint.unwrap_or_default(),
        since: time(read.start_date_time),
        until: time(read.end_date_time),
    }
}

/// A code is a word. Anything else is not repeated.
fn shown(status: u16, code: &str) -> String {
    let word = code.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    match word && (1..=64).contains(&code.len()) {
        true => code.to_owned(),
        false => format!("status {status}"),
    }
}

/// What a refusal means: <https://learn.microsoft.com/graph/errors>.
fn refusal(status: u16, code: &str, after: Option<Duration>, what: &str, effect: Effect) -> Error {
    let shown = shown(status, code);
    match (status, code) {
        (_, "Directory_QuotaExceeded") => Error::invalid(format!(
            "{what}: a quota of the directory is reached ({shown})"
        )),
        (401 | 403, _) => Error::denied(format!(
            "{what}: our identity may not do this ({shown}): give it Application.ReadWrite.OwnedBy, and make it an \
             owner of the application"
        )),
        (404, _) => Error::not_found(format!("{what}: it is not there, or not shown to us")),
        (409, _) => Error::unavailable(format!("{what}: somebody else changes it now ({shown})")),
        (429, _) => Error::new(
            ErrorKind::Throttled { after },
            format!("{what}: too many calls for Graph"),
        ),
        (500.., _) if effect == Effect::Changes => Error::unknown_outcome(format!(
            "{what}: Graph failed ({shown}), perhaps after it was done"
        )),
        (500.., _) => Error::unavailable(format!("{what}: Graph failed ({shown})")),
        (300..=399, _) => Error::unavailable(format!(
            "{what}: sent elsewhere ({shown}), which is never followed"
        )),
        _ => Error::invalid(format!("{what}: refused ({shown})")),
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use keywheel_http_client::Effect;

    #[test]
    fn each_refusal_has_its_kind() {
        for (status, code, reads, changes) in [
            (400, "Request_BadRequest", "invalid", "invalid"),
            (401, "InvalidAuthenticationToken", "denied", "denied"),
            (403, "Authorization_RequestDenied", "denied", "denied"),
            (403, "Directory_QuotaExceeded", "invalid", "invalid"),
            (404, "Request_ResourceNotFound", "not_found", "not_found"),
            (
                409,
                "Directory_ConcurrencyViolation",
                "unavailable",
                "unavailable",
            ),
            (429, "", "throttled", "throttled"),
            (302, "", "unavailable", "unavailable"),
            (503, "", "unavailable", "unknown_outcome"),
        ] {
            let word = |effect| refusal(status, code, None, "asking", effect).word();
            assert_eq!(word(Effect::Reads), reads, "{status} {code}");
            assert_eq!(word(Effect::Changes), changes, "{status} {code}");
        }
        let told = refusal(400, "an example value", None, "asking", Effect::Reads);
        assert!(!told.message.contains("value"), "{told}");
    }
}
