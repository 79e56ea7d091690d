//! Who asks, also by tokens that are asked for first.

use crate::pack::{Auth, Login};
use crate::request::request;
use crate::scope::Scope;
use crate::service::Service;
use crate::sign::{assertion, moment, sign};
use crate::transport::Transport;
use crate::verdict::{self, Answer};
use chrono::{DateTime, Utc};
use keywheel_contract::{Result, SecretValue};
use keywheel_http_client::Effect;
use reqwest::{Request, Url};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is asked for anew so long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// A token is kept no longer, whatever the service says.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Tokens, and where they are asked for.
pub(crate) struct Tokens {
    door: Url,
    transport: Transport,
    /// By the name of the way to say who asks, with its end.
    kept: Mutex<BTreeMap<String, (SecretValue, Instant)>>,
}

impl Tokens {
    /// None so far; they are asked for there.
    pub(crate) fn at(transport: Transport, door: Url) -> Self {
        Self {
            door,
            transport,
            kept: Mutex::default(),
        }
    }

    /// The next call asks for a new one.
    pub(crate) async fn forget(&self, auth: &str) {
        self.kept.lock().await.remove(auth);
    }
}

impl Service {
    /// Adds who asks.
    ///
    /// # Errors
    /// `Invalid`: the credential is not of the form that the pack needs. Else the login fails.
    pub(crate) async fn sign(
        &self,
        request: &mut Request,
        auth: &str,
        scope: &Scope,
    ) -> Result<()> {
        let Some(known) = self.pack.auth.get(auth) else {
            return Ok(());
        };
        let mut own = scope.duplicate();
        if let Some(login) = &known.login {
            let token = self.token(auth, known, login, &mut own).await?;
            own.keep("token", token);
        }
        sign(request, known, &mut own, Utc::now())
    }

    /// A token that still lives, else a new one.
    async fn token(
        &self,
        auth: &str,
        known: &Auth,
        login: &Login,
        scope: &mut Scope,
    ) -> Result<SecretValue> {
        let mut kept = self.tokens.kept.lock().await;
        if let Some((token, until)) = kept.get(auth)
            && Instant::now() + EARLY < *until
        {
            return Ok(token.duplicate());
        }
        let answer = self.logged_in(known, login, scope).await?;
        let body = answer.body.as_ref();
        let token = body.and_then(|body| body.secret(&login.token));
        let token = token.filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| verdict::unreadable(&self.what("login"), "token", Effect::Reads))?;
        let until = Instant::now() + lives(login, &answer, Utc::now());
        kept.insert(auth.to_owned(), (token.duplicate(), until));
        Ok(token)
    }

    async fn logged_in(&self, known: &Auth, login: &Login, scope: &mut Scope) -> Result<Answer> {
        let now = Utc::now();
        moment(scope, now)?;
        if let Some(jwt) = &known.jwt {
            scope.keep("assertion", assertion(jwt, scope, now)?);
        }
        let mut asked = request(&self.tokens.door, &login.call, scope, None)?;
        let by = login.call.auth.as_deref().unwrap_or_default();
        if let Some(way) = self.pack.auth.get(by) {
            sign(&mut asked, way, &mut scope.duplicate(), now)?;
        }
        let (shown, transport) = (self.shown(by).await?, &self.tokens.transport);
        let mut answer = transport.send(asked, Effect::Reads, shown).await?;
        let signed = known.is_signed() || self.is_signed(by);
        answer.clock = answer.clock.filter(|_| signed);
        let told = verdict::judge(&answer, &login.call.outcomes);
        match verdict::error(&answer, told, &self.what("login"), Effect::Reads) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }
}

/// How long a token is kept, by what the service says of its life. Where it says nothing, it is used once.
fn lives(login: &Login, answer: &Answer, now: DateTime<Utc>) -> Duration {
    let at = |pointer: &Option<String>| {
        let body = answer.body.as_ref()?;
        body.value().pointer(pointer.as_deref()?)
    };
    let seconds = at(&login.lives).and_then(Value::as_u64);
    let ends = at(&login.ends).and_then(|end| left(end, now));
    let seconds = seconds.or(ends).unwrap_or(0);
    Duration::from_secs(seconds).min(LONGEST)
}

/// Seconds until then.
fn left(end: &Value, now: DateTime<Utc>) -> Option<u64> {
    let end = match end {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok()?.timestamp(),
        other => other.as_i64()?,
    };
    u64::try_from(end.checked_sub(now.timestamp())?).ok()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, lives};
    use crate::body::Body;
    use crate::pack::Login;
    use crate::verdict::Answer;
    use chrono::DateTime;
    use serde_json::{Value, json};

    #[test]
    fn a_token_is_kept_as_long_as_it_lives_and_a_day_at_most() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for (said, seconds) in [
            (json!({}), 0),
            (json!({ "lives": 300 }), 300),
            (json!({ "lives": u64::MAX }), LONGEST.as_secs()),
            (json!({ "ends": 1_700_000_300 }), 300),
            (json!({ "ends": "2023-11-14T23:13:20Z" }), 3600),
            (json!({ "ends": "2023-11-14T22:13:19Z" }), 0),
            (json!({ "ends": "soon" }), 0),
            (json!({ "ends": i64::MIN }), 0),
        ] {
            assert_eq!(kept(said.clone(), now), seconds, "{said}");
        }
    }

    fn kept(body: Value, now: DateTime<chrono::Utc>) -> u64 {
        let login = "call = { post = '/t' }\ntoken = '/t'\nlives = '/lives'\nends = '/ends'";
        let login: Login = toml::from_str(login).unwrap();
        let answer = Answer {
            status: 200,
            retry_after: None,
            spent: false,
            clock: None,
            next: None,
            empty: false,
            body: Some(Body::new(body)),
        };
        lives(&login, &answer, now).as_secs()
    }
}
