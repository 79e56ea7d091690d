//! Rotation rows: written, saved and read back whole; one exclusive run per secret.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{KEPT, LEASE_MS, claim, hold, leased, new_run, open_run};
use keywheel::journal::rotations::{self, Run, Standing};
use keywheel::rotation::phase::{PHASES, Phase};
use keywheel::rotation::plan::Waiting;
use keywheel::rotation::words::{Cause, Mode, State, Wish};
use keywheel_contract::RotationId;
use std::sync::Arc;

const CASES: &[Case] = &[
    case("a saved run comes back whole, in every phase", |b| {
        Box::pin(saved_whole(b))
    }),
    case("a secret has one exclusive rotation", |b| {
        Box::pin(one_exclusive(b))
    }),
    case(
        "of sixteen that open a rotation of one secret one succeeds",
        |b| Box::pin(racers_open(b)),
    ),
    case(
        "unfinished and newest rotations are found newest first",
        |b| Box::pin(found_in_order(b)),
    ),
    case("retry forgets the wish and wakes", |b| Box::pin(retry(b))),
    case("what is asked of an ended rotation changes nothing", |b| {
        Box::pin(ended_is_over(b))
    }),
    case("a run that ends is not looked at again", |b| {
        Box::pin(ended_sleeps(b))
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

async fn by_id(bench: &Bench, id: &'static str) -> Run {
    bench
        .journal
        .read(async move |tx| rotations::by_id(tx, id).await)
        .await
        .unwrap()
        .unwrap()
}

/// Everything that a step may change, changed.
fn changed(run: &Run, phase: Phase) -> Run {
    Run {
        phase,
        state: State::Waiting,
        mode: Mode::Contain,
        cause: Cause::Emergency,
        wake_ms: START_MS + 7,
        wish: Wish::Held,
        accept_outage: true,
        leaked: vec!["c1".into(), "c2".into()],
        old_credential: Some("c1".into()),
        candidate: Some("c3".into()),
        phase_since_ms: START_MS + 1,
        published_ms: Some(START_MS + 2),
        proven_ms: Some(START_MS + 3),
        ended_ms: Some(START_MS + 4),
        reported_ms: Some(START_MS + 5),
        refused_ms: Some(START_MS + 6),
        question: "which one?\nkeywheel vouch production/api-key".into(),
        waiting: vec![Waiting {
            kind: "consumer".into(),
            name: "api".into(),
            since_ms: START_MS,
            until_ms: None,
            next_command: "keywheel prove production/api-key".into(),
        }],
        audit_n: 9,
        audit_head: "an-example-hash".into(),
        ..run.clone()
    }
}

async fn saved_whole(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    let opened = by_id(&bench, "r1").await;
    let expected = Run {
        fence: 1,
        ..new_run("r1", "api-key")
    };
    assert_eq!(format!("{opened:?}"), format!("{expected:?}"));
    for phase in PHASES {
        let (saved, mine) = (changed(&opened, phase), lease.clone());
        let expected = format!("{saved:?}");
        let save = bench.journal.write(async move |tx| {
            rotations::hold(tx, &mine, LEASE_MS).await?;
            rotations::save(tx, &mine, &saved, KEPT).await
        });
        save.await.unwrap();
        assert_eq!(format!("{:?}", by_id(&bench, "r1").await), expected);
    }
}

async fn one_exclusive(bench: Arc<Bench>) {
    open_run(&bench.journal, new_run("r1", "api-key")).await;
    let insert = |run: Run| {
        bench
            .journal
            .write(async move |tx| rotations::insert(tx, &run, None, 0).await)
    };
    assert!(insert(new_run("r2", "api-key")).await.is_err());
    insert(new_run("r3", "other")).await.unwrap();
    // A run that only retries the end of an older credential stands beside it.
    insert(Run {
        exclusive: false,
        ..new_run("r4", "api-key")
    })
    .await
    .unwrap();
    let found = bench
        .journal
        .read(async |tx| rotations::exclusive(tx, "production/api-key").await);
    assert_eq!(found.await.unwrap().unwrap().id.as_str(), "r1");
}

async fn racers_open(bench: Arc<Bench>) {
    let racers = (0..16).map(|i| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let run = new_run(&format!("r{i}"), "api-key");
            bench
                .journal
                .write(async move |tx| rotations::insert(tx, &run, None, 0).await)
                .await
                .is_ok()
        })
    });
    let mut opened = 0;
    for racer in racers.collect::<Vec<_>>() {
        opened += i32::from(racer.await.unwrap());
    }
    assert_eq!(opened, 1);
}

async fn found_in_order(bench: Arc<Bench>) {
    for (i, state) in [State::Ended, State::Blocked, State::Active]
        .into_iter()
        .enumerate()
    {
        let mut run = new_run(&format!("r{i}"), "api-key");
        (run.state, run.exclusive) = (state, state == State::Active);
        run.created_ms += i64::try_from(i).unwrap();
        bench
            .journal
            .write(async move |tx| rotations::insert(tx, &run, None, 0).await)
            .await
            .unwrap();
    }
    let ids = |runs: Vec<Run>| {
        runs.iter()
            .map(|run| run.id.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let secret = "production/api-key";
    let unfinished = bench
        .journal
        .read(async move |tx| rotations::unfinished(tx, secret).await);
    assert_eq!(ids(unfinished.await.unwrap()), ["r2", "r1"]);
    let all = bench
        .journal
        .read(async |tx| rotations::all_unfinished(tx).await);
    assert_eq!(ids(all.await.unwrap()), ["r1", "r2"]);
    let newest = bench
        .journal
        .read(async move |tx| rotations::newest(tx, secret, 2).await);
    assert_eq!(ids(newest.await.unwrap()), ["r2", "r1"]);
}

async fn retry(bench: Arc<Bench>) {
    let mut run = new_run("r1", "api-key");
    (run.wake_ms, run.wish, run.state) = (START_MS + 60_000, Wish::Held, State::Blocked);
    open_run(&bench.journal, run).await;
    bench.clock.advance(10);
    let id = RotationId::new("r1");
    bench
        .journal
        .write(async move |tx| rotations::retry(tx, &id, "example").await)
        .await
        .unwrap();
    let run = by_id(&bench, "r1").await;
    assert_eq!(
        (run.wish, run.retried_ms, run.wake_ms),
        (Wish::None, START_MS + 10, 0)
    );
    assert_eq!(run.wish_actor, "example");
}

async fn ended_is_over(bench: Arc<Bench>) {
    let mut run = new_run("r1", "api-key");
    (run.state, run.phase, run.exclusive) = (State::Ended, Phase::Completed, false);
    let before = format!("{run:?}");
    open_run(&bench.journal, run).await;
    let id = RotationId::new("r1");
    let ask = bench.journal.write(async move |tx| {
        rotations::wish(tx, &id, Wish::Rollback, "example").await?;
        rotations::retry(tx, &id, "example").await?;
        rotations::stir(tx, &["production/api-key"]).await
    });
    ask.await.unwrap();
    assert_eq!(format!("{:?}", by_id(&bench, "r1").await), before);
}

async fn ended_sleeps(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "one").await;
    let save = bench.journal.write(async move |tx| {
        let mut run = hold(tx, &lease, LEASE_MS).await?;
        (run.state, run.phase, run.exclusive) = (State::Ended, Phase::Cancelled, false);
        rotations::save(tx, &lease, &run, Standing::GIVEN_UP).await
    });
    save.await.unwrap();
    bench.clock.advance(LEASE_MS * 10);
    assert_eq!(claim(&bench.journal, "two", 10).await, []);
    let wake = bench
        .journal
        .read(async |tx| rotations::next_wake(tx).await);
    assert_eq!(wake.await.unwrap(), None);
}
