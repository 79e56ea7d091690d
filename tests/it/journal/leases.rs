//! Leases and fences: one holder, and an old fence changes nothing.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{LEASE_MS, claim, claimant, hold, leased, new_run, open_run};
use keywheel::journal::rotations::{self, Lease, Standing};
use keywheel::journal::{Error, Journal};
use keywheel::rotation::words::{State, Wish};
use std::collections::BTreeMap;
use std::sync::Arc;

const CASES: &[Case] = &[
    case("of sixteen racers one wins each rotation", |b| {
        Box::pin(one_winner(b))
    }),
    case("a claim takes no more than its limit", |b| {
        Box::pin(limit_is_kept(b))
    }),
    case("the most urgent is claimed first", |b| {
        Box::pin(urgent_first(b))
    }),
    case(
        "what sleeps, has ended or is bound elsewhere is not claimed",
        |b| Box::pin(not_claimed(b)),
    ),
    case("a lease is taken over only after it ran out", |b| {
        Box::pin(take_over(b))
    }),
    case("holding renews the lease", |b| Box::pin(holding_renews(b))),
    case("a stale fence changes nothing and answers Lost", |b| {
        Box::pin(stale_fence(b))
    }),
    case("a released rotation can be claimed at once", |b| {
        Box::pin(release(b))
    }),
    case(
        "what a person asks wakes the rotation and reaches its holder",
        |b| Box::pin(wish_wakes(b)),
    ),
    case(
        "leases of a dead replica are freed, its fence is dead",
        |b| Box::pin(dead_replica(b)),
    ),
    case("the next wake counts leases that will run out", |b| {
        Box::pin(next_wake(b))
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

async fn open_many(bench: &Bench, count: usize) {
    for i in 0..count {
        open_run(
            &bench.journal,
            new_run(&format!("r{i:03}"), &format!("secret-{i}")),
        )
        .await;
    }
}

async fn one_winner(bench: Arc<Bench>) {
    const RACERS: usize = 16;
    const ROTATIONS: usize = 40;
    open_many(&bench, ROTATIONS).await;
    let mut racers = Vec::new();
    for i in 0..RACERS {
        let journal = bench.another().await;
        racers.push(tokio::spawn(async move {
            take_until_none(&journal, &format!("racer-{i}")).await
        }));
    }
    let mut winners: BTreeMap<String, Vec<Lease>> = BTreeMap::new();
    for racer in racers {
        for lease in racer.await.unwrap() {
            winners
                .entry(lease.id.as_str().to_owned())
                .or_default()
                .push(lease);
        }
    }
    assert_eq!(winners.len(), ROTATIONS);
    for (id, leases) in winners {
        assert_eq!(leases.len(), 1, "{id} was won by {leases:?}");
        assert_eq!(leases[0].fence, 1, "{id}");
    }
}

/// Claims in small bites until three come back empty: `SKIP LOCKED` may miss rows, never hand one out twice.
async fn take_until_none(journal: &Journal, holder: &str) -> Vec<Lease> {
    let (mut taken, mut empty) = (Vec::new(), 0);
    while empty < 3 {
        let leases = claim(journal, holder, 3).await;
        assert!(leases.len() <= 3, "{leases:?}");
        if leases.is_empty() {
            empty += 1;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        taken.extend(leases);
    }
    taken
}

async fn limit_is_kept(bench: Arc<Bench>) {
    open_many(&bench, 9).await;
    let mut taken = Vec::new();
    for expected in [4, 4, 1, 0] {
        let leases = claim(&bench.journal, "one", 4).await;
        assert_eq!(leases.len(), expected);
        taken.extend(leases.into_iter().map(|lease| lease.id.as_str().to_owned()));
    }
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 9);
}

async fn urgent_first(bench: Arc<Bench>) {
    let runs = [
        ("late", 3, START_MS - 9),
        ("urgent", 1, START_MS),
        ("usual", 3, START_MS - 5),
    ];
    for (name, priority, wake_ms) in runs {
        let mut run = new_run(name, name);
        run.wake_ms = wake_ms;
        let add = bench
            .journal
            .write(async move |tx| rotations::insert(tx, &run, None, priority).await);
        add.await.unwrap();
    }
    for expected in ["urgent", "late", "usual"] {
        let leases = claim(&bench.journal, "one", 1).await;
        assert_eq!(leases[0].id.as_str(), expected);
    }
}

async fn not_claimed(bench: Arc<Bench>) {
    let mut asleep = new_run("asleep", "asleep");
    asleep.wake_ms = START_MS + 1;
    let mut ended = new_run("ended", "ended");
    (ended.state, ended.exclusive) = (State::Ended, false);
    let elsewhere = new_run("elsewhere", "elsewhere");
    let here = new_run("here", "here");
    let add = bench.journal.write(async move |tx| {
        rotations::insert(tx, &asleep, None, 0).await?;
        rotations::insert(tx, &ended, None, 0).await?;
        rotations::insert(tx, &elsewhere, Some("another-machine"), 0).await?;
        rotations::insert(tx, &here, Some("example"), 0).await
    });
    add.await.unwrap();
    let leases = claim(&bench.journal, "one", 10).await;
    assert_eq!(ids(&leases), ["here"]);
    let mut other = claimant("two", 10);
    (other.host, other.only) = ("another-machine".into(), Some("production/asleep".into()));
    bench.clock.advance(1);
    let leases = bench
        .journal
        .write(async move |tx| rotations::claim(tx, &other).await)
        .await
        .unwrap();
    assert_eq!(ids(&leases), ["asleep"], "`only` names one secret");
}

fn ids(leases: &[Lease]) -> Vec<&str> {
    leases.iter().map(|lease| lease.id.as_str()).collect()
}

async fn take_over(bench: Arc<Bench>) {
    let first = leased(&bench.journal, "first").await;
    bench.clock.advance(LEASE_MS - 1);
    assert_eq!(claim(&bench.journal, "second", 1).await, []);
    bench.clock.advance(1);
    let second = claim(&bench.journal, "second", 1).await.remove(0);
    assert_eq!(
        (second.holder.as_str(), second.fence),
        ("second", first.fence + 1)
    );
}

async fn holding_renews(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "first").await;
    bench.clock.advance(LEASE_MS - 1);
    let held = lease.clone();
    let held_row = bench
        .journal
        .write(async move |tx| hold(tx, &held, LEASE_MS).await);
    assert_eq!(held_row.await.unwrap().fence, lease.fence);
    bench.clock.advance(LEASE_MS - 1);
    assert_eq!(claim(&bench.journal, "second", 1).await, []);
}

async fn stale_fence(bench: Arc<Bench>) {
    let stale = leased(&bench.journal, "first").await;
    bench.clock.advance(LEASE_MS);
    let fresh = claim(&bench.journal, "second", 1).await.remove(0);
    let old = stale.clone();
    let held_row = bench
        .journal
        .write(async move |tx| rotations::hold(tx, &old, LEASE_MS).await.map(drop));
    assert!(matches!(held_row.await, Err(Error::Lost)));
    let old = stale.clone();
    let save = bench.journal.write(async move |tx| {
        let mut run = rotations::by_id(tx, "r1").await?.unwrap();
        run.reported_ms = Some(1);
        rotations::save(tx, &old, &run, Standing::GIVEN_UP).await
    });
    assert!(matches!(save.await, Err(Error::Lost)));
    let held_row = bench
        .journal
        .write(async move |tx| hold(tx, &fresh, LEASE_MS).await);
    assert_eq!(
        held_row.await.unwrap().reported_ms,
        None,
        "the holder's row is as it was"
    );
}

async fn release(bench: Arc<Bench>) {
    let lease = leased(&bench.journal, "first").await;
    let mine = lease.clone();
    let save = bench.journal.write(async move |tx| {
        let run = hold(tx, &mine, LEASE_MS).await?;
        rotations::save(tx, &mine, &run, Standing::GIVEN_UP).await
    });
    save.await.unwrap();
    let mine = lease.clone();
    let hold = bench
        .journal
        .write(async move |tx| rotations::hold(tx, &mine, LEASE_MS).await.map(drop));
    assert!(
        matches!(hold.await, Err(Error::Lost)),
        "what was given up is no longer held"
    );
    assert_eq!(
        claim(&bench.journal, "second", 1).await[0].fence,
        lease.fence + 1
    );
}

async fn wish_wakes(bench: Arc<Bench>) {
    let mut run = new_run("r1", "api-key");
    run.wake_ms = START_MS + 60_000;
    open_run(&bench.journal, run).await;
    assert_eq!(claim(&bench.journal, "first", 1).await, []);
    let ask = bench.journal.write(async |tx| {
        let id = keywheel_contract::RotationId::new("r1");
        rotations::wish(tx, &id, Wish::Rollback, "example").await
    });
    ask.await.unwrap();
    let lease = claim(&bench.journal, "first", 1).await.remove(0);
    let held_row = bench
        .journal
        .write(async move |tx| hold(tx, &lease, LEASE_MS).await);
    let held = held_row.await.unwrap();
    assert_eq!(
        (held.wish, held.wish_actor.as_str()),
        (Wish::Rollback, "example")
    );
}

async fn dead_replica(bench: Arc<Bench>) {
    let dead = leased(&bench.journal, "dead").await;
    let free = bench
        .journal
        .write(async |tx| rotations::release_all(tx, "dead").await);
    assert_eq!(free.await.unwrap(), 1);
    let ghost = dead.clone();
    let hold = bench
        .journal
        .write(async move |tx| rotations::hold(tx, &ghost, LEASE_MS).await.map(drop));
    assert!(matches!(hold.await, Err(Error::Lost)));
    assert_eq!(
        claim(&bench.journal, "second", 1).await[0].fence,
        dead.fence + 1
    );
}

async fn next_wake(bench: Arc<Bench>) {
    let wake = || {
        bench
            .journal
            .read(async |tx| rotations::next_wake(tx).await)
    };
    assert_eq!(wake().await.unwrap(), None);
    let lease = leased(&bench.journal, "first").await;
    assert_eq!(
        wake().await.unwrap(),
        Some(START_MS + LEASE_MS),
        "its holder may be dead by then"
    );
    let mut later = new_run("r2", "other");
    later.wake_ms = START_MS + 5;
    open_run(&bench.journal, later).await;
    assert_eq!(wake().await.unwrap(), Some(START_MS + 5));
    drop(lease);
}
