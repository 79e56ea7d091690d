//! Logging in with a key as its account does, and what Google's answer says of it.

use super::key_file::KeyFile;
use super::options::ServiceKeyOptions;
use super::pair::Pair;
use chrono::Utc;
use keywheel_contract::{CredentialState, Liveness, Result, SecretValue};
use keywheel_http_client::{bounded_to, finished, whole};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Map, json};
use std::path::Path;

/// Largest answer that is read: a token may be long.
const LARGEST: usize = 64 * 1024;
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The least that a token can be for: it tells who one is.
const SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";

/// Where accounts log in.
pub(crate) struct Door {
    client: Client,
    url: Url,
}

/// What Google says of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Accepted,
    /// No key of the account that may be used has signed this.
    Wrong,
    /// There is no such account.
    Nobody,
    /// Nothing that counts.
    Unclear,
}

#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Door {
    pub(crate) fn new(options: &ServiceKeyOptions, base: &Path) -> Result<Self> {
        let url = options.token_url()?;
        let ca_file = options.ca_file.as_ref().map(|file| base.join(file));
        let client = bounded_to(&url, ca_file.as_deref())?;
        Ok(Self {
            client: finished(client.user_agent("keywheel"))?,
            url,
        })
    }

    /// Logs in, and throws the token away.
    pub(crate) async fn login(&self, file: &KeyFile, pair: &Pair) -> Result<Said> {
        let assertion = self.assertion(file, pair)?;
        let assertion = assertion.expose_secret_str().unwrap_or_default();
        let form = [("grant_type", GRANT), ("assertion", assertion)];
        let Ok(answer) = self.client.post(self.url.clone()).form(&form).send().await else {
            return Ok(Said::Unclear);
        };
        if answer.status().is_success() {
            return Ok(Said::Accepted);
        }
        let client_error = answer.status().is_client_error();
        let body = whole(answer, LARGEST).await.unwrap_or_default();
        let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
        Ok(match client_error {
            true => said(&refused),
            false => Said::Unclear,
        })
    }

    /// A text, signed by the key, that is good for this login alone.
    fn assertion(&self, file: &KeyFile, pair: &Pair) -> Result<SecretValue> {
        let now = Utc::now().timestamp();
        let kid = Map::from_iter([("kid".to_owned(), json!(file.private_key_id))]);
        let claims = json!({ "iss": file.client_email, "scope": SCOPE, "aud": self.url.as_str(),
                             "iat": now, "exp": now + 300 });
        pair.token(kid, &claims)
    }
}

/// Google's words: <https://developers.google.com/identity/protocols/oauth2/service-account#jwt-error-codes>. Anything
/// else, such as a clock that is wrong, says nothing of the key.
fn said(refused: &Refused) -> Said {
    let why = refused.error_description.to_lowercase();
    match refused.error.as_str() {
        "invalid_grant" if why.contains("signature") => Said::Wrong,
        "invalid_grant" if why.contains("account not found") => Said::Nobody,
        _ => Said::Unclear,
    }
}

/// Of a key that Google does not take. One that may be used was made or enabled a moment ago, as far as anybody can
/// tell: no date says when it was enabled.
pub(crate) fn refused(state: CredentialState) -> Liveness {
    match state {
        CredentialState::Absent | CredentialState::Disabled => Liveness::Dead,
        CredentialState::Active | CredentialState::Unknown => Liveness::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Refused, Said, refused, said};
    use keywheel_contract::{CredentialState, Liveness};

    #[test]
    fn a_refused_key_is_dead_only_where_nobody_may_use_it() {
        for (state, expected) in [
            (CredentialState::Absent, Liveness::Dead),
            (CredentialState::Disabled, Liveness::Dead),
            (CredentialState::Active, Liveness::Unknown),
            (CredentialState::Unknown, Liveness::Unknown),
        ] {
            assert_eq!(refused(state), expected, "{state:?}");
        }
    }

    #[test]
    fn only_what_google_says_of_the_key_counts() {
        for (error, why, expected) in [
            ("invalid_grant", "Invalid JWT Signature.", Said::Wrong),
            (
                "invalid_grant",
                "Invalid grant: account not found",
                Said::Nobody,
            ),
            (
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
                Said::Unclear,
            ),
            (
                "unauthorized_client",
                "Client is unauthorized",
                Said::Unclear,
            ),
            ("", "", Said::Unclear),
        ] {
            let refused = Refused {
                error: error.to_owned(),
                error_description: why.to_owned(),
            };
            assert_eq!(said(&refused), expected, "{why}");
        }
    }
}
