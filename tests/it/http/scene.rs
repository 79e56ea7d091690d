//! One pack, the service that its contract plays, and a consumer of what it issues.

use super::{FILE, ID};
use crate::project::{Consumer, Project};
use axum::http::request::Parts;
use keywheel::rotation::phase::Phase;
use keywheel_contract::{ChosenBy, Fields, Issuer as _, Style};
use keywheel_provider_http::contract::{Nasty, Played};
use keywheel_provider_http::pack::{Cut, Does, Pack, Route};
use keywheel_provider_http::shipped;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::serve::{Served, serve};
use std::fmt::Write as _;

pub(super) struct Scene {
    pub(super) pack: Pack,
    pub(super) project: Project,
    pub(super) played: Played,
    pub(super) served: Served,
    /// The value in use before anything is rotated.
    pub(super) old: String,
    _app: Consumer,
}

/// Names of the shipped packs that are so.
pub(super) fn names(wanted: impl Fn(&Pack) -> bool) -> Vec<&'static str> {
    let is = |name: &&str| wanted(shipped::pack(name).unwrap());
    let names: Vec<&str> = shipped::names().filter(is).collect();
    assert!(!names.is_empty());
    names
}

impl Scene {
    pub(super) async fn set(name: &str) -> Self {
        Self::of(
            shipped::pack(name).unwrap(),
            &Nasty::default(),
            Project::new(),
        )
        .await
    }

    /// A credential made by hand is in use, at a service that does that wrong.
    pub(super) async fn of(pack: &Pack, nasty: &Nasty, project: Project) -> Self {
        Self::with(pack, nasty, project, ("", &[])).await
    }

    /// The same with more lines for the secret, and more arguments for its consumer.
    pub(super) async fn with(
        pack: &Pack,
        nasty: &Nasty,
        project: Project,
        (more, consumer): (&str, &[&str]),
    ) -> Self {
        let pack = pack.clone();
        let played = Played::new(&pack);
        played.misbehave(nasty.clone());
        let served = serve(played.router(), None).await;
        let (fields, id) = played.by_hand();
        let issuer = played.issuer(&served.address).unwrap();
        let named = issuer.identify(&fields).await.ok().flatten();
        let id = named.map_or(id, |id| id.as_str().to_owned());
        project.write(&format!("app/{FILE}"), &lines(&fields));
        let main = main_field(&pack).to_uppercase();
        let app = Consumer::start(&project, "key", "app", FILE, &main, consumer);
        let entry = entry(&pack, &played, &served, &project, (&id, more), &app);
        project.secrets(&entry);
        project.prepared();
        Self {
            old: text(&fields, &pack),
            pack,
            project,
            played,
            served,
            _app: app,
        }
    }

    /// The first answer to each kind of change is lost after the change was made.
    pub(super) fn lose_first_replies(&self) -> usize {
        let calls = self.changes();
        for call in &calls {
            let call = call.clone();
            let fits = move |asked: &Asked<'_>| call.fits(asked.head);
            self.served.faults.next(1, Fault::LoseReply, fits);
        }
        calls.len()
    }

    /// From now on the first answer to every single change is lost; how many were lost until now.
    pub(super) fn lose_every_reply(&self) -> usize {
        let calls = self.changes();
        self.served.faults.clear();
        self.served
            .faults
            .lose_every_first_reply(move |asked| calls.iter().any(|call| call.fits(asked.head)));
        self.served.faults.met().len()
    }

    /// The calls that change something at the service.
    pub(super) fn changes(&self) -> Vec<Place> {
        let changes = |route: &&Route| {
            matches!(
                route.does,
                Does::Create | Does::Set | Does::End | Does::Replace
            )
        };
        let base = self.played.path();
        let routes = self.pack.contract.routes.iter().filter(changes);
        routes.map(|route| Place::of(route, &base)).collect()
    }

    /// The value that its store serves.
    pub(super) fn published(&self) -> String {
        let main = main_field(&self.pack).to_uppercase();
        self.project.env_value(FILE, &main).unwrap()
    }

    /// A person makes the next one at the service and brings it.
    async fn bring(&self) {
        self.project.until_waits(ID, Phase::Minting, "person").await;
        let (fields, id) = self.played.by_hand();
        let only = fields.len() == 1;
        let input = match only {
            true => text(&fields, &self.pack),
            false => as_json(&fields),
        };
        let mut arguments = vec!["provide", ID];
        if self.pack.identify.is_none() {
            arguments.extend(["--id", id.as_str()]);
        }
        self.project.run_with(&arguments, &input).succeeded();
    }

    /// A person ends the credential with this value at the service and says so.
    pub(super) async fn say_ended(&self, value: &str, which: &str) {
        self.project.until_blocked(ID).await;
        self.played.end_by_hand(value);
        let said = ["vouch", ID, which, "--reason", "ended in the console"];
        self.project.run(&said).succeeded();
    }

    /// Asks for a rotation, and brings the next one where a person makes it.
    pub(super) async fn begin(&self) {
        self.project.run(&["rotate-now", ID]).succeeded();
        if self.pack.chosen_by == ChosenBy::Person {
            self.bring().await;
        }
    }

    /// Whether a person ends what no program can.
    pub(super) fn is_ended_by_hand(&self) -> bool {
        self.pack.chosen_by == ChosenBy::Person && self.pack.revoke.is_empty()
    }

    pub(super) async fn rotate(&self) {
        self.begin().await;
        if self.is_ended_by_hand() {
            self.say_ended(&self.old, "--old-revoked").await;
        }
        self.project.until_completed(ID).await;
    }

    /// The new one alone is honoured, and no value leaked; how many were made, and how many live.
    pub(super) async fn is_rotated(&self) -> (usize, usize) {
        let new = self.published();
        assert_ne!(new, self.old, "{}", self.pack.name);
        self.only_lives(&new, &self.old).await
    }

    /// One of the two alone is honoured, nothing was left behind, and no value leaked; how many were made, and how many
    /// live.
    pub(super) async fn only_lives(&self, living: &str, ended: &str) -> (usize, usize) {
        let name = &self.pack.name;
        let (honoured, refused) = (self.played.honours(living), !self.played.honours(ended));
        assert!(refused, "{name}: the one that ended is still honoured");
        assert!(honoured, "{name}: the one in use is not honoured");
        let left = self.played.count();
        assert_eq!(
            left.1,
            1,
            "{name}: one was left behind: {:#?}",
            self.played.exchanges()
        );
        self.project.audit(ID).await;
        let leaks = self.project.leaks(&[living, ended]);
        assert_eq!(leaks, Vec::<String>::new(), "{name}");
        left
    }
}

/// A call of a service: `METHOD /path/{id}`.
#[derive(Clone)]
pub(super) struct Place {
    method: String,
    path: String,
}

impl Place {
    fn of(route: &Route, base: &str) -> Self {
        let (method, path) = route.call.split_once(' ').unwrap();
        Self {
            method: method.to_owned(),
            path: format!("{base}{path}"),
        }
    }

    /// Whether a request is this call.
    pub(super) fn fits(&self, head: &Parts) -> bool {
        self.is(head.method.as_str(), head.uri.path())
    }

    /// Whether a method and a whole path are this call.
    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        let ours: Vec<&str> = self.path.split('/').collect();
        let theirs: Vec<&str> = path.split('/').collect();
        let fits = |(ours, theirs): (&&str, &&str)| ours.contains('{') || ours == theirs;
        method == self.method && ours.len() == theirs.len() && ours.iter().zip(&theirs).all(fits)
    }
}

/// The field that a consumer proves: what is secret, and fits on a line.
fn main_field(pack: &Pack) -> &'static str {
    match pack.fields.contains_key("value") {
        true => "value",
        false => "public_key",
    }
}

fn text(fields: &Fields, pack: &Pack) -> String {
    fields
        .field(main_field(pack))
        .unwrap()
        .expose_secret_str()
        .unwrap()
        .to_owned()
}

fn lines(fields: &Fields) -> String {
    let mut lines = String::new();
    for (name, value) in fields.iter() {
        let value = value.expose_secret_str().unwrap();
        writeln!(lines, "{}='{value}'", name.to_uppercase()).unwrap();
    }
    lines
}

fn as_json(fields: &Fields) -> String {
    let pair = |(name, value): (&str, &keywheel_contract::SecretValue)| {
        (name.to_owned(), value.expose_secret_str().unwrap().into())
    };
    serde_json::Value::Object(fields.iter().map(pair).collect()).to_string()
}

fn entry(
    pack: &Pack,
    played: &Played,
    served: &Served,
    project: &Project,
    (id, more): (&str, &str),
    app: &Consumer,
) -> String {
    let mut credentials = Vec::new();
    for (name, own) in played.credentials() {
        project.write(&format!("own-{name}"), own.expose_secret_str().unwrap());
        credentials.push(format!("{name} = {{ file = \"own-{name}\" }}"));
    }
    let parameters = toml::Value::try_from(&pack.contract.parameters).unwrap();
    let fields: Vec<String> = pack
        .fields
        .keys()
        .map(|name| format!("{} = \"{{{name}}}\"", name.to_uppercase()))
        .collect();
    let in_place = match pack.style {
        Style::InPlace => "in_place = \"a test of an issuer that holds one value\"\n",
        _ => "",
    };
    // By a key that only this keywheel has: it finds the name by itself.
    let cut = pack.identify.as_ref().and_then(|way| way.cut.as_ref());
    let current = match cut {
        Some((_, Cut::Fingerprint)) => String::new(),
        _ => format!("current_id = \"{id}\"\n"),
    };
    format!(
        "[secrets.key]\n{in_place}{current}{more}\n\
         issuer = {{ kind = \"http\", pack = \"{}\", base_url = \"{}{}\", credentials = {{ {} }}, parameters = {parameters} }}\n\
         publish_to = [{{ store = \"env\", path = \"{FILE}\", fields = {{ {} }}, proof_field = \"{}\" }}]\n\
         [secrets.key.consumers.app]\n{}",
        pack.name,
        served.address,
        played.path(),
        credentials.join(", "),
        fields.join(", "),
        main_field(pack).to_uppercase(),
        app.lines()
    )
}
