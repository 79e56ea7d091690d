//! Whole rotations by every shipped pack, against the service that its contract plays: the first answer to each kind of
//! change is lost, and still one credential lives in the end and nothing is left behind.

use crate::project::{Consumer, Project};
use keywheel::rotation::phase::Phase;
use keywheel_contract::{ChosenBy, Fields, Issuer as _, Style};
use keywheel_provider_http::contract::{Nasty, Played};
use keywheel_provider_http::pack::{Cut, Does, Pack, Route};
use keywheel_provider_http::shipped;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::serve::{Served, serve};
use std::fmt::Write as _;

const ID: &str = "test/key";
const FILE: &str = "key.env";

struct Scene {
    pack: Pack,
    project: Project,
    played: Played,
    served: Served,
    /// The value in use before anything is rotated.
    old: String,
    _app: Consumer,
}

impl Scene {
    async fn set(name: &str) -> Self {
        Self::of(
            shipped::pack(name).unwrap(),
            &Nasty::default(),
            Project::new(),
        )
        .await
    }

    /// A credential made by hand is in use, at a service that does that wrong.
    async fn of(pack: &Pack, nasty: &Nasty, project: Project) -> Self {
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
        let app = Consumer::start(&project, "key", "app", FILE, &main, &[]);
        project.secrets(&entry(&pack, &played, &served, &project, &id, &app));
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
    fn lose_first_replies(&self) -> usize {
        let changes = |route: &&Route| {
            matches!(
                route.does,
                Does::Create | Does::Set | Does::End | Does::Replace
            )
        };
        let base = self.played.path();
        let routes: Vec<String> = self
            .pack
            .contract
            .routes
            .iter()
            .filter(changes)
            .map(|route| route.call.replacen(' ', &format!(" {base}"), 1))
            .collect();
        for call in &routes {
            let call = call.clone();
            let fits = move |asked: &Asked<'_>| is_call(&call, asked);
            self.served.faults.next(1, Fault::LoseReply, fits);
        }
        routes.len()
    }

    fn published(&self) -> String {
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

    /// A person ends the old one at the service and says so.
    async fn say_ended(&self) {
        self.project.until_blocked(ID).await;
        self.played.end_by_hand(&self.old);
        let said = [
            "vouch",
            ID,
            "--old-revoked",
            "--reason",
            "ended in the console",
        ];
        self.project.run(&said).succeeded();
    }

    async fn rotate(&self) {
        self.project.run(&["rotate-now", ID]).succeeded();
        if self.pack.chosen_by == ChosenBy::Person {
            self.bring().await;
            if self.pack.revoke.is_empty() {
                self.say_ended().await;
            }
        }
        self.project.until_completed(ID).await;
    }

    /// The new one alone is honoured, and no value leaked; how many were made, and how many live.
    async fn is_rotated(&self) -> (usize, usize) {
        let (name, new) = (&self.pack.name, self.published());
        assert_ne!(new, self.old, "{name}");
        assert!(
            !self.played.honours(&self.old),
            "{name}: the old one is still honoured"
        );
        assert!(
            self.played.honours(&new),
            "{name}: the new one is not honoured"
        );
        let left = self.played.count();
        assert_eq!(
            left.1,
            1,
            "{name}: one was left behind: {:#?}",
            self.played.exchanges()
        );
        self.project.audit(ID).await;
        assert_eq!(self.project.leaks(&[&self.old, &new]), Vec::<String>::new());
        left
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
    id: &str,
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
        "[secrets.key]\n{in_place}{current}\
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

/// Whether a request is `METHOD /path/{id}`.
fn is_call(call: &str, asked: &Asked<'_>) -> bool {
    let (method, path) = call.split_once(' ').unwrap();
    let ours: Vec<&str> = path.split('/').collect();
    let theirs: Vec<&str> = asked.head.uri.path().split('/').collect();
    let fits = |(ours, theirs): (&&str, &&str)| ours.contains('{') || ours == theirs;
    asked.head.method == method && ours.len() == theirs.len() && ours.iter().zip(&theirs).all(fits)
}

async fn rotates(name: &str) {
    let scene = Scene::set(name).await;
    let daemon = scene.project.daemon();
    let kinds = scene.lose_first_replies();
    scene.rotate().await;
    let left = scene.is_rotated().await;
    let lost = scene.served.faults.met().len();
    println!(
        "{name}: {lost} of {kinds} kinds of changes lost their first answer, {} made, {} lives",
        left.0, left.1
    );
    // On the way forth nothing is brought back; every other kind of change is made.
    let brought_back = usize::from(!scene.pack.enable.is_empty());
    let met = scene.served.faults.met();
    assert_eq!(lost, kinds - brought_back, "{name}: {met:?}");
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
}

async fn all_rotate(chosen_by: ChosenBy) {
    let pack = |name: &&str| shipped::pack(name).unwrap().chosen_by == chosen_by;
    let names: Vec<&str> = shipped::names().filter(pack).collect();
    assert!(!names.is_empty());
    for name in names {
        rotates(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_make_is_rotated() {
    all_rotate(ChosenBy::Issuer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_choose_is_rotated() {
    all_rotate(ChosenBy::Keywheel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_make_is_rotated() {
    all_rotate(ChosenBy::Person).await;
}

/// A new key is refused at first, an ended one accepted for a while: neither goes back nor ends too early.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_takes_its_time_is_waited_for() {
    let nasty = Nasty {
        young: 2,
        lingers: 2,
        ..Nasty::default()
    };
    let scene = Scene::of(shipped::pack("openai").unwrap(), &nasty, Project::new()).await;
    let daemon = scene.project.daemon();
    scene.rotate().await;
    assert_eq!(
        scene.is_rotated().await,
        (2, 1),
        "a young key was taken for a dead one"
    );
    let tried = scene.played.exchanges();
    let tried = tried.iter().filter(|one| one.path == "/models");
    let told: Vec<u16> = tried.map(|one| one.status).collect();
    let refused = told.iter().filter(|status| **status == 401).count();
    assert!(refused >= 3 && told.first() == Some(&401), "{told:?}");
    daemon.stop();
}

/// The example of `docs/packs.md`.
fn acme() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/packs.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, after) = page.split_once("```toml\n").unwrap();
    let (example, _) = after.split_once("\n```").unwrap();
    example.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_of_ones_own_is_checked_and_rotates() {
    let project = Project::new();
    project.write("packs/acme.toml", &acme());
    let check = ["plugin", "check", "--pack", "packs/acme.toml"];
    project
        .run(&check)
        .succeeded()
        .says(&["14 passed", "0 failed"]);
    // What no entry could name does not pass.
    for (file, words) in [
        ("packs/other.toml", "its `name` is `acme`"),
        ("packs/slack.toml", "is shipped: give yours another name"),
    ] {
        project.write(file, &acme());
        project
            .run(&["plugin", "check", "--pack", file])
            .ended(78)
            .says(&[words]);
    }
    let scene = Scene::of(&Pack::parse(&acme()).unwrap(), &Nasty::default(), project).await;
    let daemon = scene.project.daemon();
    scene.rotate().await;
    scene.is_rotated().await;
    daemon.stop();
}

#[test]
fn a_pack_that_breaks_its_contract_or_cannot_be_read_is_told() {
    let project = Project::new();
    let check = ["plugin", "check", "--pack", "packs/acme.toml"];
    project
        .run(&check)
        .ended(78)
        .says(&["packs/acme.toml", "No such file"]);
    project.write("packs/acme.toml", &acme().replace("/key/id", "/key/name"));
    project.run(&check).ended(1).says(&["FAILED"]);
    let shown = acme().replace("{workspace}/keys/{id}", "{workspace}/keys/{value}");
    project.write("packs/acme.toml", &shown);
    project
        .run(&check)
        .ended(78)
        .says(&["pack `acme`", "`revoke`: the secret `value` in an address"]);
    project.run(&["plugin", "check"]).ended(2);
}

/// Whoever may write an entry must not decide to whom a credential goes: the host of a pack of one's own is listed.
#[test]
fn a_pack_of_ones_own_is_called_only_where_hosts_says() {
    let project = Project::new();
    project.write("packs/acme.toml", &acme());
    project.secrets(
        "[secrets.key]\nno_consumers = \"a test\"\npublish_to = [{ store = \"files\", path = \"key\" }]\n\
         issuer = { kind = \"http\", pack = \"acme\", credentials = { manager = { env = \"A\" } }, parameters = { workspace = \"shop\" } }\n",
    );
    project
        .run(&["check"])
        .ended(78)
        .says(&["host `api.acme.example.com` is not allowed for `test`"]);
    let config = project.read("keywheel.toml");
    let hosts = |list: &str| format!("{config}hosts = {{ test = [{list}] }}\n");
    project.write("keywheel.toml", &hosts("\"api.acme.example.com\""));
    project.run(&["check"]).succeeded();
    // Where it asks for tokens, it shows who we are too.
    let login = "headers = { authorization = \"Bearer {token}\" }\n\
                 login = { base_url = \"https://tokens.acme.example.com\", token = \"/t\", lives = \"/l\", \
                 call = { post = \"/token\", json = { key = \"{manager}\" } } }";
    let bearer = "headers = { authorization = \"Bearer {manager}\" }";
    project.write("packs/acme.toml", &acme().replacen(bearer, login, 1));
    project
        .run(&["check"])
        .ended(78)
        .says(&["host `tokens.acme.example.com` is not allowed for `test`"]);
    project.write("keywheel.toml", &hosts("\"*.acme.example.com\""));
    project.run(&["check"]).succeeded();
}

/// Whatever it does, a service whose answers cannot be read is not asked for ever: each answer leaves a credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_answers_cannot_be_read_is_not_asked_for_ever() {
    let project = Project::new();
    project.write("packs/acme.toml", &acme());
    let other = acme().replace("secret = \"{value}\"", "token = \"{value}\"");
    let scene = Scene::of(&Pack::parse(&other).unwrap(), &Nasty::default(), project).await;
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    let rows = scene.project.audit(ID).await;
    let why = |words: &str| rows.iter().any(|row| row.entry.detail.contains(words));
    assert!(why("mint: 8 answers in a row were lost"));
    // The old one, and eight tries.
    assert_eq!(scene.played.count(), (9, 1));
    assert!(scene.played.honours(&scene.old));
    daemon.stop();
}
