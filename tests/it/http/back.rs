//! Whole rotations that go back: everybody was on the new one, the first answer to every change on the way back is lost,
//! and still the old one alone lives in the end, its store serves it, and nothing is left behind.

use super::ID;
use super::scene::{Scene, names};
use crate::project::{PATIENCE, Project, show};
use futures_util::future::join_all;
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::State;
use keywheel_contract::{ChosenBy, Style};
use keywheel_provider_http::contract::{Exchange, Nasty};
use keywheel_provider_http::pack::Pack;
use keywheel_provider_http::shipped;
use std::collections::BTreeSet;
use std::time::Duration;

const BACK: [&str; 4] = ["rollback", ID, "--reason", "an example of a way back"];
const AGAIN: [&str; 4] = [
    "reenable",
    ID,
    "--reason",
    "an example of one that is needed",
];

/// How far a rotation comes before it goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Its consumer does not take the new one. Where there is one value at a time, the old one is refused by then.
    Refused,
    /// Everybody is on the new one, and the old one works.
    Overlap,
    /// The old one is disabled.
    Disabled,
    /// The same, and a person had it brought back before.
    Reenabled,
}

impl Turn {
    /// More lines for the secret, and more arguments for its consumer.
    fn setting(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Refused => (
                "timing = { prove_within = \"1h\" }",
                &["--reload-delay", "3600s"],
            ),
            Self::Overlap => ("timing = { overlap = \"1h\" }", &[]),
            Self::Disabled | Self::Reenabled => ("timing = { undo = \"1h\" }", &[]),
        }
    }

    fn waits(self) -> (Phase, &'static str) {
        match self {
            Self::Refused => (Phase::Verifying, "app"),
            Self::Overlap => (Phase::Overlapping, "overlap"),
            Self::Disabled | Self::Reenabled => (Phase::Observing, "undo"),
        }
    }

    /// Whether the service honours the old one by then.
    fn leaves_old(self, pack: &Pack) -> bool {
        match self {
            Self::Refused => pack.style != Style::InPlace,
            Self::Overlap => true,
            Self::Disabled | Self::Reenabled => false,
        }
    }
}

/// What was counted on the way back: changes, and answers to them that were lost.
struct Counted {
    changes: usize,
    lost: usize,
}

async fn goes_back(name: &str, turn: Turn) -> Counted {
    let pack = shipped::pack(name).unwrap();
    // The end of the new one is believed no sooner, where no answer said so.
    let patience = PATIENCE + Duration::from_secs(pack.converges_seconds.into());
    let nasty = Nasty::default();
    let scene = Scene::with(pack, &nasty, Project::new(), turn.setting()).await;
    let daemon = scene.project.daemon();
    scene.lose_first_replies();
    let candidate = stands(&scene, turn).await;
    let (before, asked) = (scene.lose_every_reply(), scene.played.exchanges().len());
    turn_back(&scene, turn, &candidate).await;
    let back = |run: &Run| run.phase == Phase::RolledBack;
    let told = (ID, "rolled back");
    scene.project.until_within(patience, told, back).await;
    let lost = scene.served.faults.met().len() - before;
    let changes = changes(&scene, &scene.played.exchanges()[asked..]);
    assert_eq!(
        scene.published(),
        scene.old,
        "{name}: its store serves another one"
    );
    let (made, lives) = scene.only_lives(&scene.old, &candidate).await;
    assert_eq!(lost, changes, "{name}: {:?}", scene.served.faults.met());
    // A person is asked for the end of what no program can end.
    assert_eq!(changes > 0, !scene.is_ended_by_hand(), "{name}");
    println!(
        "{name}, back from {turn:?}: {lost} of {changes} changes on the way back lost their first answer, {made} made, \
         {lives} lives"
    );
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
    Counted { changes, lost }
}

/// Rotates so far; the new value.
async fn stands(scene: &Scene, turn: Turn) -> String {
    scene.begin().await;
    let (phase, words) = turn.waits();
    scene.project.until_waits(ID, phase, words).await;
    let (name, candidate) = (&scene.pack.name, scene.published());
    assert_ne!(candidate, scene.old, "{name}");
    assert!(scene.played.honours(&candidate), "{name}");
    let old = scene.played.honours(&scene.old);
    assert_eq!(old, turn.leaves_old(&scene.pack), "{name}: {turn:?}");
    candidate
}

async fn turn_back(scene: &Scene, turn: Turn, candidate: &str) {
    if turn == Turn::Reenabled {
        scene.project.run(&AGAIN).succeeded();
        let held = scene.project.until(ID, "held", |run| {
            run.phase == Phase::Verifying && run.state == State::Blocked
        });
        held.await;
        assert_eq!(
            scene.played.count().1,
            2,
            "both work, and nothing ends by itself"
        );
    }
    scene.project.run(&BACK).succeeded();
    if scene.is_ended_by_hand() {
        scene.say_ended(candidate, "--new-revoked").await;
    }
}

/// How many different changes were asked for.
fn changes(scene: &Scene, asked: &[Exchange]) -> usize {
    let (base, calls) = (scene.played.path(), scene.changes());
    let is_change = |one: &&Exchange| {
        let path = one.path.split('?').next().unwrap_or_default();
        let path = format!("{base}{path}");
        calls.iter().any(|call| call.is(&one.method, &path))
    };
    let changes = asked.iter().filter(is_change);
    let different: BTreeSet<_> = changes
        .map(|one| (&one.method, &one.path, &one.body))
        .collect();
    different.len()
}

/// Side by side, for some wait until their service surely shows what was changed.
async fn all_go_back(what: &str, turn: Turn, wanted: impl Fn(&Pack) -> bool) {
    let names = names(wanted);
    let rotations = names.len();
    let all = join_all(names.into_iter().map(|name| goes_back(name, turn))).await;
    let changes: usize = all.iter().map(|one| one.changes).sum();
    let lost: usize = all.iter().map(|one| one.lost).sum();
    show(format!(
        "way back of packs, {what}: {rotations} rotations turned back, {lost} of {changes} changes on the way back lost \
         their first answer, 0 left behind, in each the old one alone is honoured and served"
    ));
}

fn overlaps(pack: &Pack) -> bool {
    pack.style != Style::InPlace
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_make_goes_back() {
    let made = |pack: &Pack| overlaps(pack) && pack.chosen_by == ChosenBy::Issuer;
    all_go_back("made by services", Turn::Overlap, made).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_choose_goes_back() {
    let chosen = |pack: &Pack| overlaps(pack) && pack.chosen_by == ChosenBy::Keywheel;
    all_go_back("chosen by us", Turn::Overlap, chosen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_make_goes_back() {
    let made = |pack: &Pack| overlaps(pack) && pack.chosen_by == ChosenBy::Person;
    all_go_back("made by people", Turn::Overlap, made).await;
}

/// The old value has to be set again.
#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_one_value_at_a_time_it_goes_back() {
    all_go_back("one value at a time", Turn::Refused, |pack| !overlaps(pack)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_disabled_is_brought_back() {
    let reversible = |pack: &Pack| !pack.enable.is_empty();
    all_go_back("after the old one was disabled", Turn::Disabled, reversible).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_a_person_brought_back_is_gone_back_to() {
    let reversible = |pack: &Pack| !pack.enable.is_empty();
    all_go_back(
        "after a person brought it back",
        Turn::Reenabled,
        reversible,
    )
    .await;
}
