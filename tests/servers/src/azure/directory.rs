//! A fake of the part of Entra and Microsoft Graph that an application's secrets live in, for no emulator has them.
//!
//! What it does is what Microsoft's documentation says; the login is checked by Microsoft's own client in Python. Known
//! differences: one origin for both, one application, and a right that either is there or is not. The words with which
//! Graph refuses to take away a secret that is not there are a guess: the documentation has none.

use super::entra::{configuration, fields, instance, origin, refused};
use super::{CLIENT, SECRET, TENANT, vault::random_id};
use crate::authority::Authority;
use crate::faults::Faults;
use crate::serve::{Served, serve};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The application whose secrets these are.
pub const APPLICATION: &str = "77777777-aaaa-4bbb-8ccc-888888888888";

/// One secret.
struct Kept {
    id: String,
    name: String,
    value: String,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    made: Instant,
    removed: Option<Instant>,
}

#[derive(Default)]
struct Inside {
    secrets: Vec<Kept>,
    tokens: HashSet<String>,
    /// We are no owner of the application.
    stranger: bool,
    knows_after: Duration,
    forgets_after: Duration,
}

type Shared = Arc<Mutex<Inside>>;

/// A tenant with one application.
pub struct Directory {
    /// `https://127.0.0.1:PORT`, of Graph and of where identities log in.
    pub address: String,
    /// What it does wrong.
    pub faults: Faults,
    inside: Shared,
    _served: Served,
}

impl Directory {
    /// An application without a secret, over TLS.
    pub async fn start(authority: &Authority) -> Self {
        let inside = Shared::default();
        let router = Router::new()
            .route("/v1.0/{application}", get(look))
            .route("/v1.0/{application}/addPassword", post(add))
            .route("/v1.0/{application}/removePassword", post(remove))
            .route("/{tenant}/oauth2/v2.0/token", post(token))
            .route(
                "/{tenant}/v2.0/.well-known/openid-configuration",
                get(configuration),
            )
            .route("/common/discovery/instance", get(instance))
            .with_state(Arc::clone(&inside));
        let served = serve(router, Some(authority)).await;
        Self {
            address: served.address.clone(),
            faults: served.faults.clone(),
            inside,
            _served: served,
        }
    }

    /// A secret made by a person; its id and its value.
    pub fn make(&self, name: &str) -> (String, String) {
        let mut inside = self.inside();
        let made = inside.make(name, Utc::now() + TimeDelta::days(730));
        (made.id.clone(), made.value.clone())
    }

    /// Ids and names of the secrets that are there.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        let inside = self.inside();
        let there = inside.there();
        there
            .map(|kept| (kept.id.clone(), kept.name.clone()))
            .collect()
    }

    /// When a secret ends by itself, to the second.
    #[must_use]
    pub fn until(&self, id: &str) -> DateTime<Utc> {
        let inside = self.inside();
        let kept = inside.secrets.iter().find(|kept| kept.id == id).unwrap();
        DateTime::from_timestamp(kept.until.timestamp(), 0).unwrap()
    }

    /// A secret ends by itself.
    pub fn expire(&self, id: &str) {
        let mut inside = self.inside();
        let kept = inside.secrets.iter_mut().find(|kept| kept.id == id);
        kept.unwrap().until = Utc::now() - TimeDelta::seconds(1);
    }

    /// From now on a login knows a new secret after this long, and takes one that was taken away for that long.
    pub fn lag(&self, knows_after: Duration, forgets_after: Duration) {
        let mut inside = self.inside();
        inside.knows_after = knows_after;
        inside.forgets_after = forgets_after;
    }

    /// Whether we are an owner of the application; we are, at first.
    pub fn own(&self, owner: bool) {
        self.inside().stranger = !owner;
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }
}

impl Inside {
    fn there(&self) -> impl Iterator<Item = &Kept> {
        self.secrets.iter().filter(|kept| kept.removed.is_none())
    }

    fn make(&mut self, name: &str, until: DateTime<Utc>) -> &Kept {
        let noise = format!("{}{}", random_id(), random_id()).replace('-', "");
        self.secrets.push(Kept {
            id: uuid(),
            name: name.to_owned(),
            value: format!("{}8Q~{}", &noise[..3], &noise[..34]),
            since: Utc::now(),
            until,
            made: Instant::now(),
            removed: None,
        });
        self.secrets.last().unwrap()
    }

    /// The number with which a login is refused.
    fn objects(&self, value: &str) -> Option<u32> {
        let takes = |kept: &&Kept| {
            let forgotten = kept
                .removed
                .map(|since| since.elapsed() >= self.forgets_after);
            kept.value == value
                && kept.made.elapsed() >= self.knows_after
                && forgotten != Some(true)
        };
        match self.secrets.iter().find(takes) {
            None => Some(7_000_215),
            Some(kept) if kept.until <= Utc::now() => Some(7_000_222),
            Some(_) => None,
        }
    }

    /// Who may see and change the application.
    fn admits(&self, application: &str, headers: &HeaderMap) -> Result<(), No> {
        let given = headers.get("authorization");
        let given = given.and_then(|text| text.to_str().ok()?.strip_prefix("Bearer "));
        if !given.is_some_and(|token| self.tokens.contains(token)) {
            return Err(No(401, "InvalidAuthenticationToken"));
        }
        if application != format!("applications(appId='{APPLICATION}')") {
            return Err(No(404, "Request_ResourceNotFound"));
        }
        match self.stranger {
            true => Err(No(403, "Authorization_RequestDenied")),
            false => Ok(()),
        }
    }
}

impl Kept {
    fn shown(&self, value: Option<&str>) -> Value {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        json!({
            "customKeyIdentifier": null, "displayName": self.name, "keyId": self.id, "secretText": value,
            "hint": &self.value[..3], "startDateTime": time(self.since), "endDateTime": time(self.until),
        })
    }
}

/// A refusal: status and code.
struct No(u16, &'static str);

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.1, "message": "as Graph would say" } });
        (StatusCode::from_u16(self.0).unwrap(), Json(body)).into_response()
    }
}

fn uuid() -> String {
    let hex = random_id().replace('-', "");
    let part = |from: usize, to: usize| &hex[from..to];
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

async fn look(
    State(inside): State<Shared>,
    Path(application): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, No> {
    let inside = inside.lock().unwrap();
    inside.admits(&application, &headers)?;
    let shown: Vec<Value> = inside.there().map(|kept| kept.shown(None)).collect();
    Ok(Json(json!({
        "@odata.context": format!("{}/v1.0/$metadata#applications/$entity", origin(&headers)),
        "passwordCredentials": shown,
    })))
}

async fn add(
    State(inside): State<Shared>,
    Path(application): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Result<Json<Value>, No> {
    let mut inside = inside.lock().unwrap();
    inside.admits(&application, &headers)?;
    let asked = &asked["passwordCredential"];
    let until = asked["endDateTime"].as_str().unwrap_or_default();
    let until = DateTime::parse_from_rfc3339(until).map_err(|_| No(400, "Request_BadRequest"))?;
    let name = asked["displayName"].as_str().unwrap_or_default();
    let made = inside.make(name, until.to_utc());
    Ok(Json(made.shown(Some(&made.value))))
}

async fn remove(
    State(inside): State<Shared>,
    Path(application): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Result<StatusCode, No> {
    let mut inside = inside.lock().unwrap();
    inside.admits(&application, &headers)?;
    let is_it = |kept: &&mut Kept| kept.id == asked["keyId"] && kept.removed.is_none();
    let found = inside.secrets.iter_mut().find(is_it);
    let kept = found.ok_or(No(400, "Request_BadRequest"))?;
    kept.removed = Some(Instant::now());
    Ok(StatusCode::NO_CONTENT)
}

async fn token(
    State(inside): State<Shared>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = fields(&body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let mut inside = inside.lock().unwrap();
    let scope = format!("{}/.default", origin(&headers));
    let objection = match field("client_id") {
        _ if tenant != TENANT => Some((400, 90_002)),
        _ if field("scope").split(' ').all(|asked| asked != scope) => Some((400, 70_011)),
        APPLICATION => inside
            .objects(field("client_secret"))
            .map(|code| (401, code)),
        CLIENT if field("client_secret") == SECRET => None,
        CLIENT => Some((401, 7_000_215)),
        _ => Some((400, 700_016)),
    };
    if let Some((status, code)) = objection {
        return refused(status, code);
    }
    let token = random_id();
    // The application may log in, and nothing more.
    if field("client_id") == CLIENT {
        inside.tokens.insert(token.clone());
    }
    let told = json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token });
    Json(told).into_response()
}
