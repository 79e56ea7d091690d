//! The REST paths of the interface, global and regional.

use super::World;
use super::calls::{Answer, Asked, Refusal};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub(crate) fn router(world: Arc<Mutex<World>>) -> Router {
    Router::new().fallback(call).with_state(world)
}

async fn call(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = asked_with(uri.query().unwrap_or_default());
    let given = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let bearer = headers.get("authorization").and_then(|h| h.to_str().ok());
    let request = Request {
        method,
        path: uri.path().trim_start_matches("/v1/").to_owned(),
        as_numbers: query
            .get("$alt")
            .is_some_and(|alt| alt.contains("enum-encoding=int")),
        query,
        given,
    };
    let mut world = world.lock().unwrap();
    world.calls.push((
        request.method.to_string(),
        request.path.clone(),
        bearer.unwrap_or_default().to_owned(),
    ));
    match known(&world, bearer).and_then(|()| request.answer(&mut world)) {
        Ok(answer) => Json(answer).into_response(),
        Err(Refusal(status, word, message)) => {
            let error = json!({ "error": { "code": status, "message": message, "status": word } });
            let status = StatusCode::from_u16(status).unwrap();
            (status, Json(error)).into_response()
        }
    }
}

fn asked_with(query: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}

fn known(world: &World, bearer: Option<&str>) -> Answer<()> {
    let token = bearer.and_then(|text| text.strip_prefix("Bearer "));
    let accepted = |tokens: &std::collections::BTreeSet<String>| {
        token.is_some_and(|token| tokens.contains(token))
    };
    match &world.tokens {
        Some(tokens) if !accepted(tokens) => Err(Refusal(
            401,
            "UNAUTHENTICATED",
            "invalid authentication credentials".into(),
        )),
        _ => Ok(()),
    }
}

struct Request {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    given: Value,
    as_numbers: bool,
}

/// What a path names: the project or region, the secret's full name, the version, and the verb after the colon.
struct Named<'a> {
    parent: &'a str,
    secret: Option<&'a str>,
    versions: bool,
    version: Option<&'a str>,
    verb: &'a str,
}

impl<'a> Named<'a> {
    fn read(path: &'a str) -> Option<Self> {
        let (path, verb) = path.rsplit_once(':').unwrap_or((path, ""));
        let at = path.find("/secrets")?;
        let parent = &path[..at];
        let rest: Vec<&str> = path[at + 1..].split('/').collect();
        let secret = |id: &str| &path[..at + "/secrets/".len() + id.len()];
        let (secret, versions, version) = match rest.as_slice() {
            ["secrets"] => (None, false, None),
            ["secrets", id] => (Some(secret(id)), false, None),
            ["secrets", id, "versions"] => (Some(secret(id)), true, None),
            ["secrets", id, "versions", which] => (Some(secret(id)), true, Some(*which)),
            _ => return None,
        };
        Some(Self {
            parent,
            secret,
            versions,
            version,
            verb,
        })
    }
}

impl Request {
    fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            size: self.query("pageSize").parse().unwrap_or(0),
            token: self.query("pageToken"),
            filter: self.query("filter"),
        }
    }

    fn answer(&self, world: &mut World) -> Answer<Value> {
        let unknown = || Refusal(404, "NOT_FOUND", format!("no such method: {}", self.path));
        let named = Named::read(&self.path).ok_or_else(unknown)?;
        let method = self.method.as_str();
        match (method, named.secret, named.versions, named.verb) {
            ("GET", None, false, "") => {
                allowed(world, "secrets.list")?;
                let (names, next) = world.list_secrets(named.parent, &self.asked());
                let secrets: Vec<Value> = names
                    .iter()
                    .filter_map(|name| Some(world.secrets.get(name)?.answer(self.as_numbers)))
                    .collect();
                Ok(json!({ "secrets": secrets, "nextPageToken": next }))
            }
            ("POST", None, false, "") => {
                allowed(world, "secrets.create")?;
                let id = self.query("secretId");
                world.create_secret(named.parent, id, &self.given)?;
                self.secret(world, &format!("{}/secrets/{id}", named.parent))
            }
            (_, Some(secret), false, _) => self.of_secret(world, secret, named.verb),
            (_, Some(secret), true, _) => self.of_version(world, secret, &named),
            _ => Err(unknown()),
        }
    }

    fn of_secret(&self, world: &mut World, name: &str, verb: &str) -> Answer<Value> {
        match (self.method.as_str(), verb) {
            ("GET", "") => {
                allowed(world, "secrets.get")?;
                self.secret(world, name)
            }
            ("PATCH", "") => {
                allowed(world, "secrets.update")?;
                world.update_secret(name, self.query("updateMask"), &self.given)?;
                self.secret(world, name)
            }
            ("POST", "addVersion") => {
                allowed(world, "versions.add")?;
                let number = world.add_given(name, &self.given)?;
                self.version(world, name, number)
            }
            ("POST", "testIamPermissions") => Ok(world.test_permissions(name, &self.given)),
            _ => Err(Refusal(501, "UNIMPLEMENTED", verb.to_owned())),
        }
    }

    fn of_version(&self, world: &mut World, name: &str, named: &Named<'_>) -> Answer<Value> {
        match (self.method.as_str(), named.version, named.verb) {
            ("GET", None, "") => {
                allowed(world, "versions.list")?;
                let (numbers, next) = world.list_versions(name, &self.asked())?;
                let versions: Answer<Vec<Value>> = numbers
                    .into_iter()
                    .map(|number| self.version(world, name, number))
                    .collect();
                Ok(json!({ "versions": versions?, "nextPageToken": next }))
            }
            ("GET", Some(which), "") => {
                allowed(world, "versions.get")?;
                let number = world.resolve(name, which, false)?;
                self.version(world, name, number)
            }
            ("GET", Some(which), "access") => {
                allowed(world, "versions.access")?;
                world.access(name, which)
            }
            ("POST", Some(which), verb @ ("enable" | "disable" | "destroy")) => {
                allowed(world, &format!("versions.{verb}"))?;
                let number = world.switch(name, which, verb, &self.given)?;
                self.version(world, name, number)
            }
            _ => Err(Refusal(501, "UNIMPLEMENTED", named.verb.to_owned())),
        }
    }

    fn secret(&self, world: &World, name: &str) -> Answer<Value> {
        Ok(world.secret(name)?.answer(self.as_numbers))
    }

    fn version(&self, world: &World, name: &str, number: u64) -> Answer<Value> {
        let secret = world.secret(name)?;
        Ok(secret.version_answer(world.version(name, number)?, self.as_numbers))
    }
}

fn allowed(world: &World, what: &str) -> Answer<()> {
    let permission = format!("secretmanager.{what}");
    match &world.granted {
        Some(granted) if !granted.contains(&permission) => {
            let why =
                format!("Permission '{permission}' denied on resource (or it may not exist).");
            Err(Refusal(403, "PERMISSION_DENIED", why))
        }
        _ => Ok(()),
    }
}
