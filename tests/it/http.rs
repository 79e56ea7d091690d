//! Whole rotations by every shipped pack, against the service that its contract plays: the first answer to each kind of
//! change is lost, and still one credential lives in the end and nothing is left behind.

mod back;
mod online;
mod scene;

use crate::project::{Project, show};
use keywheel::rotation::phase::Phase;
use keywheel_contract::ChosenBy;
use keywheel_provider_http::contract::Nasty;
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::shipped;
use scene::{Scene, names};

const ID: &str = "test/key";
const FILE: &str = "key.env";

/// How many kinds of changes lost their first answer.
async fn rotates(name: &str) -> usize {
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
    lost
}

async fn all_rotate(what: &str, chosen_by: ChosenBy) {
    let names = names(|pack| pack.chosen_by == chosen_by);
    let (rotations, mut lost) = (names.len(), 0);
    for name in names {
        lost += rotates(name).await;
    }
    show(format!(
        "whole rotations of packs, {what}: {rotations} completed, {lost} kinds of changes lost their first answer, 0 left \
         behind, in each the new one alone is honoured and served"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_make_is_rotated() {
    all_rotate("made by services", ChosenBy::Issuer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_choose_is_rotated() {
    all_rotate("chosen by us", ChosenBy::Keywheel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_make_is_rotated() {
    all_rotate("made by people", ChosenBy::Person).await;
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
