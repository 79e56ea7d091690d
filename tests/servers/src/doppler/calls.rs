//! The calls of the service.

use super::world::{Change, ChangeRequest, MANAGED, Path, Reach, Refusal, Status, Token, World};
use super::{Exchange, Shared};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, request::Parts};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A request, taken apart.
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    body: Value,
}

type Answered = Result<Value, Refusal>;

pub(super) async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = taken_apart(&head, body);
    let mut world = shared.world();
    let breakdown = match asked.method.as_str() {
        "GET" => None,
        _ => world.breakdown.take(),
    };
    if let Some((status, false)) = breakdown {
        return page(status);
    }
    let (status, answer) = match world.carry(&head, &asked) {
        Ok(answer) => (200, answer),
        Err((status, why)) => (status, json!({ "messages": [why], "success": false })),
    };
    let agent = header(&head, "user-agent");
    world.exchanges.push(Exchange {
        method: asked.method,
        path: asked.path,
        query: asked.query.into_iter().collect(),
        agent,
        body: asked.body,
        status,
        answer: answer.clone(),
    });
    if let Some((status, true)) = breakdown {
        return page(status);
    }
    Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(answer.to_string()))
        .unwrap()
}

/// What a balancer shows.
fn page(status: u16) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "text/html")
        .body(Body::from("<html>bad gateway</html>"))
        .unwrap()
}

fn header(head: &Parts, name: &str) -> String {
    let text = head.headers.get(name).and_then(|text| text.to_str().ok());
    text.unwrap_or_default().to_owned()
}

fn taken_apart(head: &Parts, body: Value) -> Asked {
    let url = reqwest::Url::parse(&format!("http://fake{}", head.uri)).unwrap();
    Asked {
        method: head.method.to_string(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        body,
    }
}

impl Asked {
    /// From the query or, as the command line and the description differ, from the body. The command line sends an
    /// empty name where it leaves the choice to the token.
    fn text(&self, name: &str) -> Option<String> {
        let query = self.query.get(name).filter(|text| !text.is_empty());
        query
            .cloned()
            .or_else(|| Some(self.body.get(name)?.as_str()?.to_owned()))
    }

    fn number(&self, name: &str, usual: usize) -> usize {
        let text = self.query.get(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(usual)
    }

    fn says_no(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|text| text == "false")
    }

    fn page_of<T>(&self, all: impl Iterator<Item = T>) -> Vec<T> {
        let (page, most) = (self.number("page", 1), self.number("per_page", 20));
        all.skip((page - 1) * most).take(most).collect()
    }
}

impl World {
    fn carry(&mut self, head: &Parts, asked: &Asked) -> Answered {
        let sent = header(head, "authorization");
        let token = sent
            .strip_prefix("Bearer ")
            .and_then(|token| self.tokens.get(token));
        let token = token.ok_or((401, "Invalid Auth token"))?.clone();
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/v3/me") => Ok(me(&token)),
            ("GET", "/v3/projects") => self.projects(&token, asked),
            ("GET", "/v3/configs") => self.list_configs(&token, asked),
            ("GET", "/v3/workplace/change_requests") => self.list_requests(&token, asked),
            ("POST", "/v3/workplace/change_requests") => self.file(&token, &asked.body),
            (method, path) => {
                let target = self.target(&token, asked)?;
                if method != "GET" && !token.writes {
                    return Err((403, "This token does not have access to write."));
                }
                self.carry_in(&target, &token, method, path, asked)
            }
        }
    }

    fn carry_in(
        &mut self,
        target: &Path,
        token: &Token,
        method: &str,
        path: &str,
        asked: &Asked,
    ) -> Answered {
        match (method, path) {
            ("GET", "/v3/configs/config") => Ok(json!({ "config": self.told(target) })),
            ("GET", "/v3/configs/config/logs") => Ok(self.logs(target, asked)),
            ("POST", "/v3/configs/config/tokens") => self.make_token(target, asked),
            ("GET", "/v3/configs/config/secrets") => Ok(self.list(target, token, asked)),
            ("POST", "/v3/configs/config/secrets") => self.take_save(target, asked),
            ("GET", "/v3/configs/config/secrets/names") => Ok(self.names(target, asked)),
            ("GET", "/v3/configs/config/secrets/download") => Ok(self.download(target, asked)),
            _ => Err((404, "There is no such call.")),
        }
    }

    /// The config that is meant, where the token reaches it. A token of one config need not name it.
    fn target(&self, token: &Token, asked: &Asked) -> Result<Path, Refusal> {
        let named = asked.text("project").zip(asked.text("config"));
        let target = match (&token.reach, named) {
            (Reach::Config(own), None) => own.clone(),
            (Reach::Config(own), Some(named)) if *own != named => {
                return Err((403, "This token does not have access to requested config."));
            }
            (_, Some(named)) => named,
            (_, None) => return Err((400, "You must specify a project and a config.")),
        };
        match self.configs.contains_key(&target) {
            true => Ok(target),
            false => Err((404, "Could not find requested config.")),
        }
    }

    fn projects(&self, token: &Token, asked: &Asked) -> Answered {
        of_workplace(token)?;
        let mut slugs: Vec<_> = self.configs.keys().map(|(project, _)| project).collect();
        slugs.dedup();
        let told = |slug: &String| {
            json!({ "id": slug, "slug": slug, "name": slug, "description": "",
                    "created_at": "2026-01-01T00:00:00.000Z" })
        };
        let projects: Vec<_> = asked
            .page_of(slugs.into_iter())
            .into_iter()
            .map(told)
            .collect();
        Ok(json!({ "page": asked.number("page", 1), "projects": projects }))
    }

    fn list_configs(&self, token: &Token, asked: &Asked) -> Answered {
        of_workplace(token)?;
        let project = asked.text("project");
        let of_it = |path: &&Path| Some(&path.0) == project.as_ref();
        let configs = asked.page_of(self.configs.keys().filter(of_it));
        let configs: Vec<_> = configs.into_iter().map(|path| self.told(path)).collect();
        Ok(json!({ "page": asked.number("page", 1), "configs": configs }))
    }

    fn told(&self, path: &Path) -> Value {
        let config = &self.configs[path];
        json!({ "name": path.1, "root": config.root.is_none(), "locked": false, "initial_fetch_at": null,
                "last_fetch_at": null, "created_at": "2026-01-01T00:00:00.000Z",
                "environment": config.environment, "project": path.0 })
    }

    fn logs(&self, path: &Path, asked: &Asked) -> Value {
        let config = &self.configs[path];
        let logs = asked.page_of(config.logs.iter().rev()).into_iter().map(|log| {
            json!({ "id": log.id, "text": "Secrets were modified", "html": "Secrets were modified",
                    "rollback": false, "created_at": log.created_at, "config": path.1,
                    "environment": config.environment, "project": path.0,
                    "user": { "email": null, "name": log.who, "username": null, "profile_image_url": null } })
        });
        json!({ "page": asked.number("page", 1), "logs": logs.collect::<Vec<_>>() })
    }

    fn make_token(&mut self, path: &Path, asked: &Asked) -> Answered {
        let access = asked.body["access"].as_str().unwrap_or("read");
        let name = asked.body["name"]
            .as_str()
            .ok_or((400, "A token needs a name."))?;
        let key = self.new_token(name, Reach::Config(path.clone()), access == "read/write");
        Ok(
            json!({ "token": { "name": name, "slug": "example", "key": key,
            "created_at": "2026-01-01T00:00:00.000Z", "config": path.1, "project": path.0,
            "environment": self.configs[path].environment, "expires_at": null, "access": access } }),
        )
    }

    /// The names asked for, each with its stored text.
    fn chosen(&self, path: &Path, asked: &Asked) -> Vec<String> {
        let wanted = asked.query.get("secrets");
        let wanted: Option<Vec<_>> = wanted.map(|names| names.split(',').collect());
        let bare = asked.says_no("include_managed_secrets");
        let keep = |name: &String| {
            !(bare && MANAGED.contains(&name.as_str()))
                && wanted
                    .as_ref()
                    .is_none_or(|names| names.contains(&name.as_str()))
        };
        self.secrets(path).into_keys().filter(keep).collect()
    }

    fn list(&self, path: &Path, token: &Token, asked: &Asked) -> Value {
        let secrets = self.secrets(path);
        let mut told = Map::new();
        for name in self.chosen(path, asked) {
            let secret = &secrets[&name];
            let hidden = secret.visibility == "restricted" && token.reach == Reach::Person;
            let shown = |text: Option<String>| text.filter(|_| !hidden);
            let one = json!({ "raw": shown(self.raw(path, &name)), "computed": shown(self.computed(path, &name)),
                "note": "", "rawVisibility": secret.visibility, "computedVisibility": secret.visibility });
            told.insert(name, one);
        }
        json!({ "secrets": told })
    }

    fn names(&self, path: &Path, asked: &Asked) -> Value {
        json!({ "names": self.chosen(path, asked) })
    }

    fn download(&self, path: &Path, asked: &Asked) -> Value {
        let names = self.chosen(path, asked).into_iter();
        names
            .map(|name| (name.clone(), self.computed(path, &name).into()))
            .collect::<Map<_, _>>()
            .into()
    }

    fn take_save(&mut self, path: &Path, asked: &Asked) -> Answered {
        let changes = match (&asked.body["secrets"], &asked.body["change_requests"]) {
            (Value::Null, Value::Array(changes)) => changes.iter().map(change).collect(),
            (Value::Object(secrets), Value::Null) => secrets.iter().map(plain).collect(),
            _ => None,
        };
        let changes: Vec<Change> =
            changes.ok_or((400, "Either secrets or change_requests is needed."))?;
        self.save(path, &changes)?;
        let all = self.secrets(path);
        let told = |name: &String| {
            let one = json!({ "raw": self.raw(path, name), "computed": self.computed(path, name), "note": "" });
            (name.clone(), one)
        };
        let secrets: Map<_, _> = all.keys().map(told).collect();
        Ok(json!({ "secrets": secrets }))
    }

    fn list_requests(&self, token: &Token, asked: &Asked) -> Answered {
        of_workplace(token)?;
        let part = asked.query.get("title").cloned().unwrap_or_default();
        let fits = |one: &&ChangeRequest| one.title.contains(&part);
        let found = asked.page_of(self.requests.iter().filter(fits));
        Ok(found.into_iter().map(told_request).collect())
    }

    fn file(&mut self, token: &Token, body: &Value) -> Answered {
        of_workplace(token)?;
        let unit = &body["units"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let wrong = (400, "The change request is incomplete.");
        let target = text(&unit["target"]["project"]).zip(text(&unit["target"]["config"]));
        let target = target.ok_or(wrong)?;
        if !self.configs.contains_key(&target) {
            return Err((404, "Could not find requested config."));
        }
        let updates = unit["updates"].as_array().ok_or(wrong)?;
        let update = |update: &Value| text(&update["name"]).zip(text(&update["value"]));
        let updates: Option<Vec<_>> = updates.iter().map(update).collect();
        let id = format!("{}", self.number());
        self.requests.push(ChangeRequest {
            id: id.clone(),
            title: text(&body["title"]).ok_or(wrong)?,
            status: Status::Open,
            target,
            updates: updates.ok_or(wrong)?,
        });
        Ok(json!({ "changeRequest": { "id": id } }))
    }
}

fn of_workplace(token: &Token) -> Result<(), Refusal> {
    match token.reach {
        Reach::Config(_) => Err((403, "This token does not have access to the workplace.")),
        Reach::Workplace | Reach::Person => Ok(()),
    }
}

fn me(token: &Token) -> Value {
    let kind = match token.reach {
        Reach::Config(_) => "service_token",
        Reach::Workplace => "service_account_api",
        Reach::Person => "personal",
    };
    json!({ "slug": "example", "name": token.name, "created_at": "2026-01-01T00:00:00.000Z",
            "last_seen_at": "2026-01-01T00:00:00.000Z", "type": kind, "token_preview": "dp...",
            "workplace": { "slug": "example-workplace", "name": "Example" } })
}

fn told_request(request: &ChangeRequest) -> Value {
    let closed = request.status != Status::Open;
    let (project, config) = &request.target;
    json!({ "id": request.id, "title": request.title, "status": if closed { "closed" } else { "open" },
            "createdAt": "2026-01-01T00:00:00.000Z", "assigned": [],
            "units": [{ "id": "1", "status": request.status.word(), "target": {
                "project": { "slug": project, "name": project }, "config": { "slug": config, "name": config } } }] })
}

/// A change under conditions. An original value of `null` is no condition.
fn change(told: &Value) -> Option<Change> {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let name = text("name")?;
    Some(Change {
        renames: text("originalName").filter(|original| *original != name),
        text: text("value"),
        visibility: text("visibility"),
        expected: text("originalValue"),
        deletes: told["shouldDelete"] == true,
        keeps: told["value"].is_null(),
        name,
    })
}

/// A change of the older form, in which `null` deletes.
fn plain((name, text): (&String, &Value)) -> Option<Change> {
    Some(Change {
        name: name.clone(),
        renames: None,
        text: text.as_str().map(str::to_owned),
        visibility: None,
        expected: None,
        deletes: text.is_null(),
        keeps: false,
    })
}
