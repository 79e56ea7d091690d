//! The calls of the service.

use super::world::{Refusal, Secret, Token, World};
use super::{Exchange, Shared};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request, taken apart.
struct Asked {
    method: String,
    /// Its parts, decoded.
    parts: Vec<String>,
    query: BTreeMap<String, String>,
    body: Value,
}

type Answered = Result<(u16, Value), Refusal>;

pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let asked = taken_apart(&head, serde_json::from_slice(&body).unwrap_or(Value::Null));
    let mut world = shared.world();
    world.tick();
    let token = world.token_of(&head);
    let answered = match &token {
        None => Err((401, "Bad credentials")),
        Some(_) if world.used_up => Err((403, "API rate limit exceeded")),
        Some(token) => world.carry(token, &asked),
    };
    let (status, answer) = answered.unwrap_or_else(|(status, why)| {
        let documentation = "https://docs.github.com/rest";
        (
            status,
            json!({ "message": why, "documentation_url": documentation }),
        )
    });
    let exchange = Exchange {
        method: asked.method,
        path: head.uri.path().trim_start_matches("/api/v3").to_owned(),
        query: asked.query.into_keys().collect(),
        agent: header(&head, "user-agent"),
        version: header(&head, "x-github-api-version"),
        body: asked.body,
        status,
        answer: answer.clone(),
    };
    world.exchanges.push(exchange);
    world.written(status, &answer, token.as_ref())
}

fn header(head: &Parts, name: &str) -> String {
    let text = head.headers.get(name).and_then(|text| text.to_str().ok());
    text.unwrap_or_default().to_owned()
}

fn taken_apart(head: &Parts, body: Value) -> Asked {
    let url = reqwest::Url::parse(&format!("http://fake{}", head.uri)).unwrap();
    let path = url
        .path()
        .trim_start_matches("/api/v3")
        .trim_start_matches('/');
    // Each part is decoded as a form's value is; `+` never comes to stand in a path.
    let decoded = |part: &str| {
        let query = reqwest::Url::parse(&format!("http://fake/?part={part}")).unwrap();
        query.query_pairs().next().unwrap().1.into_owned()
    };
    Asked {
        method: head.method.to_string(),
        parts: path.split('/').map(decoded).collect(),
        query: url.query_pairs().into_owned().collect(),
        body,
    }
}

impl World {
    fn token_of(&self, head: &Parts) -> Option<Token> {
        let sent = header(head, "authorization");
        // Older clients say `token`.
        let token = ["Bearer ", "token "]
            .iter()
            .find_map(|scheme| sent.strip_prefix(scheme));
        self.tokens.get(token?).cloned()
    }

    /// An answer with the headers that every one has.
    fn written(&self, status: u16, answer: &Value, token: Option<&Token>) -> Response<Body> {
        let remaining = if self.used_up { 0 } else { 4_990 };
        let mut response = Response::builder()
            .status(status)
            .header("content-type", "application/json; charset=utf-8")
            .header(
                "date",
                self.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            )
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", remaining)
            .header("x-ratelimit-reset", self.now().timestamp() + 60);
        if let Some(scopes) = token.and_then(|token| token.scopes.as_ref()) {
            response = response.header("x-oauth-scopes", scopes);
        }
        let body = match answer {
            Value::Null => Body::empty(),
            answer => Body::from(answer.to_string()),
        };
        response.body(body).unwrap()
    }

    fn carry(&mut self, token: &Token, asked: &Asked) -> Answered {
        let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["rate_limit"]) => Ok((200, self.limits())),
            (method, ["repos", owner, name, "actions", "secrets", rest @ ..]) => {
                let shelf = format!("repos/{owner}/{name}");
                self.carry_in(token, &shelf, method, rest, asked)
            }
            (
                method,
                [
                    "repos",
                    owner,
                    name,
                    "environments",
                    environment,
                    "secrets",
                    rest @ ..,
                ],
            ) => {
                let shelf = format!("repos/{owner}/{name}/environments/{environment}");
                self.carry_in(token, &shelf, method, rest, asked)
            }
            (method, ["orgs", name, "actions", "secrets", rest @ ..]) => {
                let shelf = format!("orgs/{name}");
                self.carry_in(token, &shelf, method, rest, asked)
            }
            _ => Err((404, "Not Found")),
        }
    }

    fn limits(&self) -> Value {
        let reset = self.now().timestamp() + 60;
        let rate = json!({ "limit": 5000, "used": 10, "remaining": 4990, "reset": reset });
        json!({ "resources": { "core": rate, "search": rate }, "rate": rate })
    }

    /// A place that a token does not reach looks as if there were none.
    fn carry_in(
        &mut self,
        token: &Token,
        shelf: &str,
        method: &str,
        rest: &[&str],
        asked: &Asked,
    ) -> Answered {
        let reaches = token
            .reach
            .as_ref()
            .is_none_or(|reach| reach.contains(shelf));
        if !reaches || !self.shelves.contains_key(shelf) {
            return Err((404, "Not Found"));
        }
        match (method, rest) {
            ("GET", ["public-key"]) => Ok((200, self.public_key(shelf))),
            ("GET", [name]) => self.told(shelf, &name.to_uppercase()),
            ("GET", [name, "repositories"]) => {
                self.repositories(shelf, &name.to_uppercase(), asked)
            }
            ("PUT", [_]) if !token.writes => {
                Err((403, "Resource not accessible by personal access token"))
            }
            ("PUT", [name]) => match self.take(shelf, name, &asked.body)? {
                true => Ok((201, json!({}))),
                false => Ok((204, Value::Null)),
            },
            _ => Err((404, "Not Found")),
        }
    }

    fn public_key(&self, shelf: &str) -> Value {
        let shelf = &self.shelves[shelf];
        let key = STANDARD.encode(shelf.key.public_key().as_bytes());
        json!({ "key_id": shelf.key_id, "key": key })
    }

    fn told(&mut self, shelf: &str, name: &str) -> Answered {
        let found = self.shelves.get_mut(shelf).unwrap().secrets.get_mut(name);
        let secret: &mut Secret = found.ok_or((404, "Not Found"))?;
        let mut updated = secret.updated;
        if let Some((stale, reads @ 1..)) = &mut secret.stale {
            updated = *stale;
            *reads -= 1;
        }
        let text =
            |date: chrono::DateTime<chrono::Utc>| date.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut told = json!({ "name": name, "created_at": text(secret.created), "updated_at": text(updated) });
        if let Some(visibility) = &secret.visibility {
            told["visibility"] = json!(visibility);
            if visibility == "selected" {
                let url =
                    format!("https://api.github.com/{shelf}/actions/secrets/{name}/repositories");
                told["selected_repositories_url"] = json!(url);
            }
        }
        Ok((200, told))
    }

    fn repositories(&self, shelf: &str, name: &str, asked: &Asked) -> Answered {
        let secret = self.shelves[shelf].secrets.get(name);
        let selected = &secret.ok_or((404, "Not Found"))?.selected;
        let number = |key: &str, usual| {
            let text = asked.query.get(key);
            text.and_then(|text| text.parse().ok()).unwrap_or(usual)
        };
        let (page, most): (usize, usize) = (number("page", 1), number("per_page", 30));
        let most = most.min(self.page);
        let listed = &selected[..selected.len().saturating_sub(self.unlisted)];
        let shown = listed.iter().skip((page - 1) * most).take(most);
        let one = |id: &u64| json!({ "id": id, "name": format!("example-{id}"), "private": true });
        let repositories: Vec<_> = shown.map(one).collect();
        Ok((
            200,
            json!({ "total_count": selected.len(), "repositories": repositories }),
        ))
    }
}
