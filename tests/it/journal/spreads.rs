//! First starts by a spread: given by the transaction that enrols, kept until the first rotation is over.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{claim, definition, new_run};
use keywheel::inventory::{Definition, Manage};
use keywheel::journal::secrets::{self, Secret};
use keywheel::journal::{overview, rotations, spread};
use keywheel_schedules::Spread;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;
const MANY: usize = 400;

const CASES: &[Case] = &[
    case("what goes from track to auto starts within the span", |b| {
        Box::pin(from_track_to_auto(b))
    }),
    case(
        "what is undated is filled in, what a person starts is shown",
        |b| Box::pin(filled_in(b)),
    ),
    case("an edit and an adoption keep a first start", |b| {
        Box::pin(kept(b))
    }),
    case("a first start is used once", |b| Box::pin(used_once(b))),
    case("what leaves the schedule loses its first start", |b| {
        Box::pin(lost(b))
    }),
    case("another spread moves only what has not started", |b| {
        Box::pin(moved(b))
    }),
    case("a period shorter than the span is found before", |b| {
        Box::pin(too_short(b))
    }),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

fn days(days: i64) -> Spread {
    Spread::of_millis(days * DAY_MS).unwrap()
}

/// Applies, and says how many were given a first start.
async fn apply(bench: &Bench, definitions: Vec<Definition>, spread: Option<Spread>) -> usize {
    let apply = bench
        .journal
        .write(async move |tx| secrets::apply_spread(tx, &definitions, spread).await);
    apply.await.unwrap()
}

/// Gives first starts to what did not change, and says to how many.
async fn again(bench: &Bench, spread: Spread) -> usize {
    let give = bench.journal.write(async move |tx| {
        let found = spread::candidates(tx, "", 150).await?;
        spread::give(tx, &found, spread).await
    });
    give.await.unwrap()
}

async fn secret(bench: &Bench, id: &'static str) -> Secret {
    let read = bench
        .journal
        .read(async move |tx| secrets::by_id(tx, id).await);
    read.await.unwrap().unwrap()
}

fn tracked(name: &str) -> Definition {
    Definition {
        manage: Manage::Track,
        ..definition(name)
    }
}

/// Says that the value in use is of this moment, as adopting does.
async fn dated(bench: &Bench, definitions: Vec<Definition>, at_ms: i64) {
    let date = bench.journal.write(async move |tx| {
        for definition in &definitions {
            secrets::dated(tx, definition.id.as_str(), "c1", at_ms).await?;
            secrets::reschedule(tx, definition).await?;
        }
        Ok(())
    });
    date.await.unwrap();
}

/// `production/a`, overdue and spread over 14 days.
async fn spread_a(bench: &Bench) -> Secret {
    apply(bench, vec![tracked("a")], None).await;
    dated(bench, vec![tracked("a")], START_MS - 400 * DAY_MS).await;
    assert_eq!(apply(bench, vec![definition("a")], Some(days(14))).await, 1);
    let found = secret(bench, "production/a").await;
    assert!(found.start_ms.unwrap() > START_MS + 60_000);
    assert_eq!(found.start_ms, found.first_ms);
    found
}

async fn due(bench: &Bench) -> usize {
    let due = bench.journal.read(async |tx| secrets::due(tx, 1_000).await);
    due.await.unwrap().len()
}

async fn from_track_to_auto(bench: Arc<Bench>) {
    let names: Vec<String> = (0..MANY).map(|number| format!("s{number}")).collect();
    let tracked: Vec<_> = names.iter().map(|name| tracked(name)).collect();
    let managed: Vec<_> = names.iter().map(|name| definition(name)).collect();
    apply(&bench, tracked.clone(), None).await;
    dated(&bench, tracked, START_MS - 400 * DAY_MS).await;
    assert_eq!(apply(&bench, managed.clone(), Some(days(14))).await, MANY);
    assert_eq!(due(&bench).await, 0);
    let page = bench
        .journal
        .read(async |tx| overview::coming(tx, START_MS + 14 * DAY_MS, 0, 1_000).await);
    let page = page.await.unwrap();
    assert_eq!(page.len(), MANY);
    for one in &page {
        let why = "spread over 14d by inventory apply; 30d after the last rotation";
        assert_eq!(one.start_reason, why);
        assert_eq!(one.next_rotation_ms, Some(START_MS - 370 * DAY_MS));
    }
    // Half of them by the middle of the span, and the others after it.
    bench.clock.advance(7 * DAY_MS);
    assert!((160..240).contains(&due(&bench).await));
    bench.clock.advance(7 * DAY_MS);
    assert_eq!(due(&bench).await, MANY);
    // Without a spread, all of them start at once.
    apply(&bench, vec![definition("other")], None).await;
    dated(&bench, vec![definition("other")], START_MS - 400 * DAY_MS).await;
    assert_eq!(due(&bench).await, MANY + 1);
}

async fn filled_in(bench: Arc<Bench>) {
    let mut approved = definition("b");
    approved.manage = Manage::Approve;
    let all = vec![definition("a"), approved, tracked("c")];
    assert_eq!(apply(&bench, all, Some(days(14))).await, 2);
    let a = secret(&bench, "production/a").await;
    assert_eq!(a.start_reason, "spread over 14d by inventory apply");
    assert!(a.start_ms.is_some() && a.next_rotation_ms.is_none());
    let b = secret(&bench, "production/b").await;
    assert!(b.start_ms.is_none() && b.first_ms.is_some());
    let c = secret(&bench, "production/c").await;
    assert!(c.start_ms.is_none() && c.first_ms.is_none());
    let page = bench
        .journal
        .read(async |tx| overview::coming(tx, START_MS + 14 * DAY_MS, 0, 10).await);
    assert_eq!(page.await.unwrap().len(), 2);
}

async fn kept(bench: Arc<Bench>) {
    let first = spread_a(&bench).await.first_ms;
    let mut edited = definition("a");
    edited.owner = "sre".into();
    assert_eq!(apply(&bench, vec![edited.clone()], None).await, 0);
    assert_eq!(secret(&bench, "production/a").await.start_ms, first);
    dated(&bench, vec![edited.clone()], START_MS - 500 * DAY_MS).await;
    assert_eq!(secret(&bench, "production/a").await.start_ms, first);
    // A schedule by which it is due before that, and that date lies ahead.
    let due = START_MS + 60_000;
    dated(&bench, vec![edited], due - 30 * DAY_MS).await;
    assert_eq!(secret(&bench, "production/a").await.start_ms, Some(due));
}

async fn used_once(bench: Arc<Bench>) {
    spread_a(&bench).await;
    let rotate = bench.journal.write(async |tx| {
        secrets::rotated(tx, "production/a", "c2", START_MS).await?;
        secrets::reschedule(tx, &definition("a")).await
    });
    rotate.await.unwrap();
    let found = secret(&bench, "production/a").await;
    assert_eq!(found.first_ms, None);
    assert_eq!(found.start_ms, Some(START_MS + 30 * DAY_MS));
    assert_eq!(found.start_reason, "30d after the last rotation");
}

async fn lost(bench: Arc<Bench>) {
    spread_a(&bench).await;
    apply(&bench, vec![tracked("a")], None).await;
    assert_eq!(secret(&bench, "production/a").await.first_ms, None);
    apply(&bench, vec![definition("a")], Some(days(14))).await;
    let retire = bench
        .journal
        .write(async |tx| secrets::retire(tx, &["production/a".to_owned()]).await);
    retire.await.unwrap();
    assert_eq!(secret(&bench, "production/a").await.first_ms, None);
}

async fn moved(bench: Arc<Bench>) {
    let before = spread_a(&bench).await;
    apply(
        &bench,
        vec![definition("b"), definition("c")],
        Some(days(14)),
    )
    .await;
    assert_eq!(again(&bench, days(14)).await, 0, "the same spread");
    let run = bench.journal.write(async |tx| {
        rotations::insert(tx, &new_run("r1", "b"), None, 0).await?;
        secrets::busy(tx, "production/b", true).await
    });
    run.await.unwrap();
    assert_eq!(claim(&bench.journal, "one", 10).await.len(), 1);
    assert_eq!(
        again(&bench, days(28)).await,
        2,
        "all but the one that began"
    );
    let after = secret(&bench, "production/a").await;
    let (before, after) = (before.start_ms.unwrap(), after.start_ms.unwrap());
    assert_eq!((after - START_MS) / 2, before - START_MS);
    // Weeks with no daemon: what did not start in time is spread anew, what began once is not.
    let free = bench
        .journal
        .write(async |tx| secrets::busy(tx, "production/b", false).await);
    free.await.unwrap();
    bench.clock.advance(40 * DAY_MS);
    assert_eq!(due(&bench).await, 3);
    assert_eq!(again(&bench, days(28)).await, 2);
    assert_eq!(due(&bench).await, 1);
}

async fn too_short(bench: Arc<Bench>) {
    let (weekly, monthly) = (definition("weekly"), definition("monthly"));
    let weekly = Definition {
        timing: keywheel_schedules::Timing {
            every: Some("7d".parse().unwrap()),
            ..weekly.timing
        },
        ..weekly
    };
    let all = vec![weekly, monthly];
    let found = |all: Vec<Definition>| {
        let read = bench
            .journal
            .read(async move |tx| spread::too_short(tx, &all, days(14)).await);
        async move {
            let found = read.await.unwrap();
            let told = |(one, period): &(Definition, Spread)| format!("{} {period}", one.id);
            found.iter().map(told).collect::<Vec<_>>()
        }
    };
    assert_eq!(found(all.clone()).await, ["production/weekly 7d"]);
    // One that is at work already is given no first start, so its period does not matter.
    apply(&bench, all.clone(), None).await;
    dated(&bench, all.clone(), START_MS).await;
    assert_eq!(found(all).await, [""; 0]);
}
