//! The calls of the service.

use super::world::{Refusal, World};
use super::{ACCOUNT, Exchange, NUMBER, Shared};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Where accounts log in at Google: its client in Python signs for that place wherever it logs in.
const TOKENS: &str = "https://oauth2.googleapis.com/token";

type Answered = Result<Value, Refusal>;

/// A request, taken apart.
struct Asked {
    method: String,
    path: String,
    query: HashMap<String, String>,
    body: Value,
}

pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let url = reqwest::Url::parse(&format!("http://fake{}", head.uri)).unwrap();
    let mut world = shared.world();
    if url.path() == "/token" {
        let (status, answer) = world.login(&form(&body));
        return written(status, &answer);
    }
    let asked = Asked {
        method: head.method.to_string(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let answered = world.carry(&asked);
    let (status, answer) = match answered {
        Ok(answer) => (200, answer),
        Err((status, word, message)) => (
            status,
            json!({ "error": { "code": status, "message": message, "status": word } }),
        ),
    };
    world.exchanges.push(Exchange {
        method: asked.method,
        path: asked.path,
        body: asked.body,
        status,
    });
    written(status, &answer)
}

fn written(status: u16, answer: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=UTF-8")
        .body(Body::from(answer.to_string()))
        .unwrap()
}

fn form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let url = reqwest::Url::parse(&format!("http://fake/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}

impl World {
    fn carry(&mut self, asked: &Asked) -> Answered {
        if self.no_rights {
            return Err((403, "PERMISSION_DENIED", "Permission denied on resource."));
        }
        let path = asked.path.trim_start_matches("/v1/projects/");
        let (project, rest) = path.split_once("/serviceAccounts/").unwrap_or_default();
        let (account, rest) = rest.split_once("/keys").unwrap_or((rest, "?"));
        if !["example-1", "-"].contains(&project) || account != ACCOUNT {
            return Err((404, "NOT_FOUND", "Unknown service account."));
        }
        let (id, verb) = rest.split_once(':').unwrap_or((rest, ""));
        match (asked.method.as_str(), id.trim_start_matches('/'), verb) {
            ("GET", "?", "") => Ok(self.account()),
            ("GET", "", "") => Ok(self.list(asked)),
            ("POST", "", "upload") => self.upload(&asked.body),
            ("GET", id, "") => {
                let form = asked.query.get("publicKeyType");
                let with = form.is_some_and(|form| form == "TYPE_X509_PEM_FILE");
                Ok(self.key(id)?.told(with))
            }
            ("POST", id, "disable") => self.switch(id, true),
            ("POST", id, "enable") => self.switch(id, false),
            ("DELETE", id, "") => {
                let id = self.key(id)?.id.clone();
                self.keys.retain(|key| key.id != id);
                Ok(json!({}))
            }
            _ => Err((404, "NOT_FOUND", "There is no such call.")),
        }
    }

    fn account(&self) -> Value {
        let mut account = json!({
            "name": format!("projects/example-1/serviceAccounts/{ACCOUNT}"), "projectId": "example-1",
            "uniqueId": NUMBER, "email": ACCOUNT, "etag": "MDEwMjE5MjA=", "oauth2ClientId": NUMBER,
        });
        if self.account_disabled {
            account["disabled"] = json!(true);
        }
        account
    }

    /// Without any key there is no list.
    fn list(&self, asked: &Asked) -> Value {
        let wanted = asked.query.get("keyTypes");
        let shown = wanted.is_none_or(|kind| kind == "USER_MANAGED");
        let keys: Vec<Value> = self.keys.iter().map(|key| key.told(false)).collect();
        match keys.is_empty() || !shown {
            true => json!({}),
            false => json!({ "keys": keys }),
        }
    }

    fn switch(&mut self, id: &str, disabled: bool) -> Answered {
        let late = self.late;
        let key = self.key(id)?;
        if key.disabled && !disabled {
            key.forget(late);
        }
        key.disabled = disabled;
        Ok(json!({}))
    }

    /// A login: which key has signed, and whether it may.
    fn login(&mut self, form: &HashMap<String, String>) -> (u16, Value) {
        let refused = |why: &str| {
            (
                400,
                json!({ "error": "invalid_grant", "error_description": why }),
            )
        };
        let part = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if part("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
            return (400, json!({ "error": "unsupported_grant_type" }));
        }
        let Some((text, signature)) = part("assertion").rsplit_once('.') else {
            return refused("Bad Request");
        };
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let parts: Vec<Value> = text
            .split('.')
            .map(|part| serde_json::from_slice(&decoded(part)).unwrap_or_default())
            .collect();
        let [head, claims] = parts.as_slice() else {
            return refused("Bad Request");
        };
        let now = Utc::now();
        if claims["iss"] != ACCOUNT {
            return refused("Invalid grant: account not found");
        }
        let (from, until) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        let aud = claims["aud"].as_str().unwrap_or_default();
        let in_time = from.zip(until).is_some_and(|(from, until)| {
            from <= now.timestamp() + 60 && now.timestamp() < until && until - from <= 3600
        });
        if !in_time
            || ![self.token_uri.as_str(), TOKENS].contains(&aud)
            || claims["scope"].as_str().is_none()
        {
            return refused(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your \
                 iat and exp values in the JWT claim.",
            );
        }
        let signed = decoded(signature);
        let named = self.keys.iter_mut().find(|key| head["kid"] == *key.id);
        let accepted =
            named.is_some_and(|key| key.is_usable(now) && key.has_signed(text.as_bytes(), &signed));
        if !accepted || self.account_disabled {
            return refused("Invalid JWT Signature.");
        }
        self.logins += 1;
        let token = format!("example-token-{}", self.logins);
        (
            200,
            json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }),
        )
    }
}
