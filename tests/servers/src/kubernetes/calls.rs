//! The calls of the API server.

use super::Shared;
use super::discovery;
use super::owners;
use super::rights::{User, Wish};
use super::selector;
use super::status::Refusal;
use super::world::{Key, Object, World, is_workload, now};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, request::Parts};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request, taken apart.
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    /// How the body is to be understood.
    form: String,
    accept: String,
    /// By which the manager of a field is named, unless the query names one.
    agent: String,
    body: Value,
}

/// Status and body.
type Answered = Result<(u16, Value), Refusal>;

/// What a path is about.
struct Target {
    group: &'static str,
    resource: String,
    namespace: String,
    name: String,
}

pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let asked = taken_apart(&head, serde_json::from_slice(&body).unwrap_or(Value::Null));
    let mut world = shared.world();
    world.asked.push(format!("{} {}", head.method, head.uri));
    let (code, told) = match world.carry(&head, &asked) {
        Ok(answer) => answer,
        Err(refusal) => (refusal.code, refusal.body()),
    };
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(Body::from(told.to_string()))
        .unwrap()
}

fn header(head: &Parts, name: &str) -> String {
    let text = head.headers.get(name).and_then(|text| text.to_str().ok());
    text.unwrap_or_default().to_owned()
}

fn taken_apart(head: &Parts, body: Value) -> Asked {
    let url = reqwest::Url::parse(&format!("http://fake{}", head.uri)).unwrap();
    let agent = header(head, "user-agent");
    Asked {
        method: head.method.to_string(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        form: header(head, "content-type"),
        accept: header(head, "accept"),
        agent: agent.split('/').next().unwrap_or_default().to_owned(),
        body,
    }
}

impl Asked {
    fn manager(&self) -> &str {
        self.query
            .get("fieldManager")
            .map_or(&self.agent, String::as_str)
    }

    fn text(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

impl Target {
    /// `/api/v1/…` or `/apis/apps/v1/…`, in one namespace or in all of them.
    fn of(path: &str) -> Option<Self> {
        let core = path.strip_prefix("/api/v1/").map(|rest| ("", rest));
        let (group, rest) = core.or_else(|| {
            path.strip_prefix("/apis/apps/v1/")
                .map(|rest| ("apps", rest))
        })?;
        let parts: Vec<&str> = rest.split('/').collect();
        let (namespace, resource, name) = match parts[..] {
            ["namespaces", namespace, resource, name] => (namespace, resource, name),
            ["namespaces", namespace, resource] => (namespace, resource, ""),
            [resource] => ("", resource, ""),
            _ => return None,
        };
        let known = match group {
            "" => ["secrets", "pods"].contains(&resource),
            _ => is_workload(resource),
        };
        known.then(|| Self {
            group,
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    fn key(&self) -> Key {
        (
            self.resource.clone(),
            self.namespace.clone(),
            self.name.clone(),
        )
    }

    fn not_found(&self) -> Refusal {
        Refusal::not_found(&self.resource, &self.name)
    }

    fn ensure(&self, user: &User, verb: &str, name: &str) -> Result<(), Refusal> {
        let wish = Wish {
            verb,
            group: self.group,
            resource: &self.resource,
            namespace: &self.namespace,
            name,
        };
        match user.may(&wish) {
            true => Ok(()),
            false => Err(Refusal::forbidden(
                &user.name,
                verb,
                &self.resource,
                self.group,
                &self.namespace,
                name,
            )),
        }
    }
}

impl World {
    fn carry(&mut self, head: &Parts, asked: &Asked) -> Answered {
        let sent = header(head, "authorization");
        let user = sent
            .strip_prefix("Bearer ")
            .and_then(|token| self.users.get(token));
        let user = user.cloned().ok_or_else(Refusal::unauthorized)?;
        if let Some(told) = discovery::told(&asked.method, &asked.path) {
            return Ok((200, told));
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") => {
                Ok((201, review(&user, &asked.body)))
            }
            ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews") => {
                let mut told = asked.body.clone();
                told["status"] = json!({ "userInfo": { "username": user.name } });
                Ok((201, told))
            }
            (_, path) => {
                let target = Target::of(path).ok_or_else(Refusal::no_such_path)?;
                self.carry_at(&user, &target, asked)
            }
        }
    }

    fn carry_at(&mut self, user: &User, target: &Target, asked: &Asked) -> Answered {
        let name = target.name.as_str();
        match (asked.method.as_str(), name.is_empty()) {
            ("GET", true) => {
                target.ensure(user, "list", "")?;
                self.list(target, asked)
            }
            ("POST", true) => {
                target.ensure(user, "create", "")?;
                self.create(target, asked)
            }
            ("GET", false) => {
                target.ensure(user, "get", name)?;
                let told = self.told(&target.key()).ok_or_else(|| target.not_found())?;
                Ok((200, told))
            }
            ("PUT", false) => {
                target.ensure(user, "update", name)?;
                self.replace(target, asked)
            }
            ("PATCH", false) => {
                target.ensure(user, "patch", name)?;
                self.patch(user, target, asked)
            }
            ("DELETE", false) => {
                target.ensure(user, "delete", name)?;
                let gone = self.objects.remove(&target.key());
                gone.ok_or_else(|| target.not_found())?;
                Ok((
                    200,
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
                ))
            }
            _ => Err(Refusal::no_such_path()),
        }
    }

    fn list(&mut self, target: &Target, asked: &Asked) -> Answered {
        let wanted = selector::read(asked.text("labelSelector"))
            .ok_or_else(|| Refusal::bad("unable to parse"))?;
        let all: Vec<Key> = self
            .objects
            .iter()
            .filter(|(key, _)| key.0 == target.resource)
            .filter(|(key, _)| target.namespace.is_empty() || key.1 == target.namespace)
            .filter(|(_, one)| selector::fits(&wanted, &one.value["metadata"]["labels"]))
            .map(|(key, _)| key.clone())
            .collect();
        let from: usize = match asked.text("continue") {
            "" => 0,
            mark => mark.parse().map_err(|_| Refusal::expired())?,
        };
        let most = asked.text("limit").parse().unwrap_or(usize::MAX);
        let next = from.saturating_add(most);
        let only_meta = asked.accept.contains("as=PartialObjectMetadataList");
        let items: Vec<Value> = all[from.min(all.len())..next.min(all.len())]
            .iter()
            .filter_map(|key| self.told(key))
            .map(|one| match only_meta {
                true => json!({ "metadata": one["metadata"] }),
                false => one,
            })
            .collect();
        let mark = if next < all.len() {
            next.to_string()
        } else {
            String::new()
        };
        let (kind, version) = match (only_meta, target.group) {
            (true, _) => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1"),
            (false, "apps") => (discovery::list_of(&target.resource), "apps/v1"),
            (false, _) => (discovery::list_of(&target.resource), "v1"),
        };
        let revision = self.number().to_string();
        Ok((
            200,
            json!({ "kind": kind, "apiVersion": version, "items": items,
                         "metadata": { "resourceVersion": revision, "continue": mark } }),
        ))
    }

    fn create(&mut self, target: &Target, asked: &Asked) -> Answered {
        if !self.namespaces.contains(&target.namespace) {
            return Err(Refusal::not_found("namespaces", &target.namespace));
        }
        self.meddle();
        let name = asked.body["metadata"]["name"].as_str().unwrap_or_default();
        let key = (
            target.resource.clone(),
            target.namespace.clone(),
            name.to_owned(),
        );
        if self.object(&key).is_some() {
            return Err(Refusal::exists(&target.resource, name));
        }
        let told = self.update(&key, asked.body.clone(), asked.manager())?;
        Ok((201, told))
    }

    fn replace(&mut self, target: &Target, asked: &Asked) -> Answered {
        self.meddle();
        let key = target.key();
        let before = self
            .object(&key)
            .ok_or_else(|| target.not_found())?
            .value
            .clone();
        let sent = &asked.body["metadata"]["resourceVersion"];
        if sent.is_string() && *sent != before["metadata"]["resourceVersion"] {
            return Err(Refusal::modified(&target.resource, &target.name));
        }
        let mut value = asked.body.clone();
        let meta = value["metadata"]
            .as_object_mut()
            .ok_or_else(|| Refusal::bad("no metadata"))?;
        meta.remove("managedFields");
        for system in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "namespace",
            "name",
        ] {
            if let Some(known) = before["metadata"].get(system) {
                meta.insert(system.to_owned(), known.clone());
            }
        }
        if is_workload(&target.resource) {
            value["status"] = before["status"].clone();
        }
        Ok((200, self.update(&key, value, asked.manager())?))
    }

    fn patch(&mut self, user: &User, target: &Target, asked: &Asked) -> Answered {
        self.meddle();
        if asked.form.starts_with("application/apply-patch+yaml") {
            return self.apply(user, target, asked);
        }
        let merges = [
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ];
        if !merges.iter().any(|form| asked.form.starts_with(form)) {
            return Err(Refusal::wrong_type());
        }
        let key = target.key();
        let mut value = self
            .object(&key)
            .ok_or_else(|| target.not_found())?
            .value
            .clone();
        let version = value["metadata"]["resourceVersion"].clone();
        merge(&mut value, &asked.body);
        if value["metadata"]["resourceVersion"] != version {
            return Err(Refusal::modified(&target.resource, &target.name));
        }
        Ok((200, self.update(&key, value, asked.manager())?))
    }

    fn apply(&mut self, user: &User, target: &Target, asked: &Asked) -> Answered {
        let (key, config) = (target.key(), &asked.body);
        if asked.text("fieldManager").is_empty() {
            return Err(Refusal::bad(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value",
            ));
        }
        if config["kind"].as_str().is_none() || config["metadata"]["name"] != *target.name {
            return Err(Refusal::bad(
                "the name of the object does not match the name on the URL",
            ));
        }
        let before = self.object(&key).cloned();
        let (uid, version) = (
            &config["metadata"]["uid"],
            &config["metadata"]["resourceVersion"],
        );
        let is_new = before.is_none();
        if is_new {
            target.ensure(user, "create", "")?;
            if uid.is_string() {
                let why = "uid mismatch: the provided object specified uid, and no existing object was found";
                return Err(Refusal::conflict(&target.resource, &target.name, why));
            }
        }
        let empty = Object {
            value: json!({ "apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {} }),
            owners: Vec::new(),
        };
        let Object {
            mut value,
            mut owners,
        } = before.clone().unwrap_or(empty);
        let force = asked.text("force") == "true";
        owners::apply(
            &mut value,
            &mut owners,
            config,
            asked.manager(),
            force,
            &now(),
        )
        .map_err(|clashes| Refusal::clashes(&clashes))?;
        if let Some(before) = &before {
            let meta = &before.value["metadata"];
            let differs = |sent: &Value, known: &Value| sent.is_string() && sent != known;
            if differs(version, &meta["resourceVersion"]) || differs(uid, &meta["uid"]) {
                return Err(Refusal::modified(&target.resource, &target.name));
            }
        }
        let told = self.keep(&key, Object { value, owners })?;
        Ok((if is_new { 201 } else { 200 }, told))
    }
}

/// RFC 7396.
pub(super) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, patch) in fields {
        if patch.is_null() {
            value.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut value[key], patch);
        }
    }
}

fn review(user: &User, body: &Value) -> Value {
    let asked = &body["spec"]["resourceAttributes"];
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let wish = Wish {
        verb: text("verb"),
        group: text("group"),
        resource: text("resource"),
        namespace: text("namespace"),
        name: text("name"),
    };
    let mut told = body.clone();
    told["status"] = json!({ "allowed": user.may(&wish) });
    told
}
