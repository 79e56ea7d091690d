//! Secrets as applied: dates are kept, a rename keeps history, and the due ones are found by an index.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{definition, new_run};
use keywheel::inventory::{Definition, Manage};
use keywheel::journal::ledger::{self, CredentialRow};
use keywheel::journal::secrets::{self, Secret};
use keywheel::journal::{expiry, requests, rotations};
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;

const CASES: &[Case] = &[
    case("applying adds, changes and keeps dates", |b| {
        Box::pin(apply_keeps_dates(b))
    }),
    case("definitions come back by secret, by file and all", |b| {
        Box::pin(definitions_found(b))
    }),
    case(
        "retiring takes out of service, applying again puts back",
        |b| Box::pin(retire_and_return(b)),
    ),
    case("a rename moves the history along", |b| Box::pin(rename(b))),
    case("a rename onto a secret that exists changes neither", |b| {
        Box::pin(rename_onto_another(b))
    }),
    case(
        "a secret is due after its period and starts once it is",
        |b| Box::pin(due_in_time(b)),
    ),
    case(
        "what is busy, retired or not automatic does not start",
        |b| Box::pin(not_due(b)),
    ),
    case(
        "what ends by itself is rotated before that, whatever its period",
        |b| Box::pin(ends_by_itself(b)),
    ),
    case("a start that may not happen is put off", |b| {
        Box::pin(postponed(b))
    }),
    case("a pause stands until its moment", |b| Box::pin(paused(b))),
    case("secrets are paged by id", |b| Box::pin(paged(b))),
    case("many definitions are applied at once", |b| {
        Box::pin(many(b))
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

async fn apply(bench: &Bench, definitions: Vec<Definition>) {
    bench
        .journal
        .write(async move |tx| secrets::apply(tx, &definitions).await)
        .await
        .unwrap();
}

async fn secret(bench: &Bench, id: &'static str) -> Option<Secret> {
    bench
        .journal
        .read(async move |tx| secrets::by_id(tx, id).await)
        .await
        .unwrap()
}

/// Says that `id` was rotated at this moment, and computes its next dates.
async fn rotated(bench: &Bench, definition: Definition, at_ms: i64) {
    let rotate = bench.journal.write(async move |tx| {
        secrets::rotated(tx, definition.id.as_str(), "c1", at_ms).await?;
        secrets::reschedule(tx, &definition).await
    });
    rotate.await.unwrap();
}

async fn due(bench: &Bench, limit: i64) -> Vec<String> {
    let due = bench
        .journal
        .read(async move |tx| secrets::due(tx, limit).await)
        .await
        .unwrap();
    due.into_iter().map(|secret| secret.id).collect()
}

async fn apply_keeps_dates(bench: Arc<Bench>) {
    apply(&bench, vec![definition("api-key")]).await;
    rotated(&bench, definition("api-key"), START_MS).await;
    bench.clock.advance(DAY_MS);
    let mut changed = definition("api-key");
    (changed.owner, changed.tags) = ("sre".into(), vec!["pci".into(), "eu".into()]);
    apply(&bench, vec![changed]).await;
    let found = secret(&bench, "production/api-key").await.unwrap();
    assert_eq!(
        (found.owner.as_str(), found.tags.as_str()),
        ("sre", " pci eu ")
    );
    assert_eq!(
        (found.enrolled_ms, found.last_rotated_ms),
        (START_MS, Some(START_MS))
    );
    assert_eq!(found.next_rotation_ms, Some(START_MS + 30 * DAY_MS));
    assert_eq!(
        (found.environment.as_str(), found.name.as_str()),
        ("production", "api-key")
    );
}

async fn definitions_found(bench: Arc<Bench>) {
    let (first, mut second) = (definition("a"), definition("b"));
    second.origin.file = "inventory/production/web.toml".into();
    apply(&bench, vec![second.clone(), first.clone()]).await;
    let one = bench
        .journal
        .read(async |tx| secrets::definition(tx, "production/a").await);
    assert_eq!(one.await.unwrap(), Some(first.clone()));
    let of = bench
        .journal
        .read(async |tx| secrets::definitions_of(tx, "inventory/production/web.toml").await);
    assert_eq!(of.await.unwrap(), std::slice::from_ref(&second));
    let all = bench
        .journal
        .read(async |tx| secrets::definitions(tx).await);
    assert_eq!(all.await.unwrap(), [first, second]);
}

async fn retire_and_return(bench: Arc<Bench>) {
    apply(&bench, vec![definition("api-key")]).await;
    rotated(&bench, definition("api-key"), START_MS - 40 * DAY_MS).await;
    assert_eq!(due(&bench, 10).await, ["production/api-key"]);
    let ids = vec![
        "production/api-key".to_owned(),
        "production/never-there".to_owned(),
    ];
    bench
        .journal
        .write(async move |tx| secrets::retire(tx, &ids).await)
        .await
        .unwrap();
    assert_eq!(due(&bench, 10).await, [""; 0]);
    assert_eq!(
        secret(&bench, "production/api-key")
            .await
            .unwrap()
            .retired_ms,
        Some(START_MS)
    );
    let gone = bench
        .journal
        .read(async |tx| secrets::definition(tx, "production/api-key").await);
    assert_eq!(gone.await.unwrap(), None);
    apply(&bench, vec![definition("api-key")]).await;
    let back = secret(&bench, "production/api-key").await.unwrap();
    assert_eq!(
        (back.retired_ms, back.last_rotated_ms),
        (None, Some(START_MS - 40 * DAY_MS))
    );
    assert_eq!(due(&bench, 10).await, ["production/api-key"]);
}

async fn rename(bench: Arc<Bench>) {
    apply(&bench, vec![definition("old-name")]).await;
    rotated(&bench, definition("old-name"), START_MS).await;
    let past = bench.journal.write(async |tx| {
        rotations::insert(tx, &new_run("r1", "old-name"), None, 0).await?;
        let credential = CredentialRow {
            id: "c1".into(),
            secret_id: "production/old-name".into(),
            rotation_id: None,
            issuer_ref: None,
            fingerprint: None,
            state: "current".into(),
            born_ms: START_MS,
            published_ms: None,
        };
        ledger::add_credential(tx, &credential).await
    });
    past.await.unwrap();
    let mut renamed = definition("new-name");
    renamed.formerly = vec!["production/old-name".parse().unwrap()];
    for _ in 0..2 {
        apply(&bench, vec![renamed.clone()]).await;
    }
    assert_eq!(secret(&bench, "production/old-name").await, None);
    let found = secret(&bench, "production/new-name").await.unwrap();
    assert_eq!(
        (found.name.as_str(), found.last_rotated_ms),
        ("new-name", Some(START_MS))
    );
    let moved = bench.journal.read(async |tx| {
        let run = rotations::exclusive(tx, "production/new-name")
            .await?
            .map(|run| run.id);
        Ok((
            run,
            ledger::credentials(tx, "production/new-name").await?.len(),
        ))
    });
    assert_eq!(
        moved.await.unwrap(),
        (Some(keywheel_contract::RotationId::new("r1")), 1)
    );
}

async fn rename_onto_another(bench: Arc<Bench>) {
    apply(&bench, vec![definition("a"), definition("b")]).await;
    rotated(&bench, definition("a"), START_MS - DAY_MS).await;
    let mut renamed = definition("b");
    renamed.formerly = vec!["production/a".parse().unwrap()];
    apply(&bench, vec![renamed]).await;
    let (a, b) = (
        secret(&bench, "production/a").await,
        secret(&bench, "production/b").await,
    );
    assert_eq!(a.unwrap().last_rotated_ms, Some(START_MS - DAY_MS));
    assert_eq!(b.unwrap().last_rotated_ms, None);
}

async fn due_in_time(bench: Arc<Bench>) {
    apply(&bench, vec![definition("api-key")]).await;
    let next = || bench.journal.read(async |tx| secrets::next_start(tx).await);
    assert_eq!(
        next().await.unwrap(),
        None,
        "of unknown age: an import starts nothing"
    );
    rotated(&bench, definition("api-key"), START_MS).await;
    let start = next().await.unwrap().unwrap();
    assert!(start > START_MS && start <= START_MS + 30 * DAY_MS);
    bench.clock.advance_to(start - 1);
    assert_eq!(due(&bench, 10).await, [""; 0]);
    bench.clock.advance(1);
    assert_eq!(due(&bench, 10).await, ["production/api-key"]);
}

/// Of both dates the earlier counts, also after an edit, and the scheduler asks for a rotation by it.
async fn ends_by_itself(bench: Arc<Bench>) {
    let mut long = definition("api-key");
    long.timing.every = Some(keywheel_schedules::Span::days(400));
    let long = || long.clone();
    apply(&bench, vec![long()]).await;
    let ends_ms = START_MS + 364 * DAY_MS;
    let made = bench.journal.write(async move |tx| {
        let credential = CredentialRow {
            id: "c1".into(),
            secret_id: "production/api-key".into(),
            rotation_id: None,
            issuer_ref: None,
            fingerprint: None,
            state: "current".into(),
            born_ms: START_MS,
            published_ms: None,
        };
        ledger::add_credential(tx, &credential).await?;
        expiry::keep(tx, "c1", ends_ms).await?;
        expiry::of(tx, "c1").await
    });
    assert_eq!(made.await.unwrap(), Some(ends_ms));
    rotated(&bench, long(), START_MS).await;
    let due_ms = ends_ms - 40 * DAY_MS;
    for _ in 0..2 {
        let found = secret(&bench, "production/api-key").await.unwrap();
        assert_eq!(found.next_rotation_ms, Some(due_ms), "{found:?}");
        assert_eq!(found.start_ms, Some(due_ms));
        apply(&bench, vec![long()]).await;
    }
    bench.clock.advance(due_ms - START_MS - 1);
    assert_eq!(keywheel::scheduler::tick(&bench.journal).await.unwrap(), 0);
    bench.clock.advance(1);
    assert_eq!(keywheel::scheduler::tick(&bench.journal).await.unwrap(), 1);
    let asked = bench
        .journal
        .read(async |tx| requests::queued(tx, 10).await);
    let reasons: Vec<String> = asked.await.unwrap().into_iter().map(|r| r.reason).collect();
    assert_eq!(reasons.len(), 1);
    assert!(
        reasons[0].starts_with("the credential expires"),
        "{reasons:?}"
    );
}

async fn not_due(bench: Arc<Bench>) {
    let names = [
        "busy",
        "retired",
        "tracked",
        "approved",
        "starts",
        "starts-later",
    ];
    for (name, age) in names.into_iter().zip([50, 50, 50, 50, 45, 40]) {
        let mut one = definition(name);
        one.manage = match name {
            "tracked" => Manage::Track,
            "approved" => Manage::Approve,
            _ => Manage::Auto,
        };
        apply(&bench, vec![one.clone()]).await;
        rotated(&bench, one, START_MS - age * DAY_MS).await;
    }
    let change = bench.journal.write(async |tx| {
        secrets::busy(tx, "production/busy", true).await?;
        secrets::retire(tx, &["production/retired".to_owned()]).await
    });
    change.await.unwrap();
    assert_eq!(
        due(&bench, 10).await,
        ["production/starts", "production/starts-later"]
    );
    assert_eq!(
        due(&bench, 1).await,
        ["production/starts"],
        "the most overdue first"
    );
    bench
        .journal
        .write(async |tx| secrets::busy(tx, "production/busy", false).await)
        .await
        .unwrap();
    assert_eq!(due(&bench, 1).await, ["production/busy"]);
}

async fn postponed(bench: Arc<Bench>) {
    apply(&bench, vec![definition("api-key")]).await;
    rotated(&bench, definition("api-key"), START_MS - 40 * DAY_MS).await;
    let later = bench.journal.write(async |tx| {
        secrets::postpone(tx, "production/api-key", START_MS + 5, "an example").await
    });
    later.await.unwrap();
    assert_eq!(due(&bench, 10).await, [""; 0]);
    let found = secret(&bench, "production/api-key").await.unwrap();
    assert_eq!(
        (found.start_ms, found.start_reason.as_str()),
        (Some(START_MS + 5), "an example")
    );
    assert_eq!(
        found.next_rotation_ms,
        Some(START_MS - 10 * DAY_MS),
        "it stays overdue"
    );
    bench.clock.advance(5);
    assert_eq!(due(&bench, 10).await, ["production/api-key"]);
}

async fn paused(bench: Arc<Bench>) {
    apply(&bench, vec![definition("api-key")]).await;
    let pause = |by: Option<&'static str>, until: Option<i64>| {
        bench.journal.write(async move |tx| {
            secrets::pause(tx, "production/api-key", by, "an example", until).await
        })
    };
    pause(Some("example"), Some(START_MS + 10)).await.unwrap();
    let found = secret(&bench, "production/api-key").await.unwrap();
    assert_eq!(
        (
            found.is_paused(START_MS + 9),
            found.is_paused(START_MS + 10)
        ),
        (true, false)
    );
    pause(Some("example"), None).await.unwrap();
    assert!(
        secret(&bench, "production/api-key")
            .await
            .unwrap()
            .is_paused(i64::MAX)
    );
    pause(None, None).await.unwrap();
    assert!(
        !secret(&bench, "production/api-key")
            .await
            .unwrap()
            .is_paused(START_MS)
    );
}

async fn paged(bench: Arc<Bench>) {
    apply(&bench, ["d", "a", "c", "b", "E"].map(definition).to_vec()).await;
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let from = after.clone();
        let page = bench
            .journal
            .read(async move |tx| secrets::page(tx, &from, 2).await)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        seen.extend(page.into_iter().map(|secret| secret.name));
    }
    assert_eq!(
        seen,
        ["E", "a", "b", "c", "d"],
        "by bytes, whatever the server's collation"
    );
}

async fn many(bench: Arc<Bench>) {
    let names: Vec<String> = (0..300).map(|i| format!("secret-{i:03}")).collect();
    apply(&bench, names.iter().map(|name| definition(name)).collect()).await;
    let all = bench
        .journal
        .read(async |tx| secrets::page(tx, "", 1_000).await)
        .await
        .unwrap();
    assert_eq!(
        all.into_iter()
            .map(|secret| secret.name)
            .collect::<Vec<_>>(),
        names
    );
}
