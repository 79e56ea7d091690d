//! What belongs to one rotation: effects, readings, evidence, waivers, credentials, sealed values.

use super::bench::{Bench, Case, START_MS, case, on_postgres, on_sqlite};
use keywheel::journal::ledger::{self, CredentialRow};
use keywheel::rotation::facts::{Effect, EffectResult, Evidence, Probe, Waiver};
use keywheel::rotation::words::{KINDS, Kind, LOOKS, Look, STATUSES, Status};
use keywheel_contract::{Base, Strength, VersionId};
use std::sync::Arc;

const CASES: &[Case] = &[
    case(
        "effects of every kind and status come back as written",
        |b| Box::pin(effects_round_trip(b)),
    ),
    case("a settled effect stays as it is", |b| {
        Box::pin(settled_stays(b))
    }),
    case("a pending effect can still be settled", |b| {
        Box::pin(pending_settles(b))
    }),
    case("the same try cannot be begun twice", |b| {
        Box::pin(one_intent_per_try(b))
    }),
    case("readings of every kind are replaced by newer ones", |b| {
        Box::pin(probes_replaced(b))
    }),
    case(
        "a round of evidence replaces the consumer's round before",
        |b| Box::pin(evidence_replaced(b)),
    ),
    case("a waiver stands until its moment and for its secret", |b| {
        Box::pin(waivers_expire(b))
    }),
    case("credentials move through their states", |b| {
        Box::pin(credential_states(b))
    }),
    case("a credential keeps what was learnt of it", |b| {
        Box::pin(credential_learnt(b))
    }),
    case(
        "a sealed value is never replaced, and shredding takes all of a rotation",
        |b| Box::pin(sealed(b)),
    ),
    case("a destination's row says what it serves now", |b| {
        Box::pin(published(b))
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

fn effect(kind: Kind, status: Status) -> Effect {
    let settled = !matches!(status, Status::Intent | Status::Pending);
    Effect {
        kind,
        target: "main:production/api-key".into(),
        attempt: 1,
        token: "an-example-token".into(),
        created_ms: START_MS,
        deadline_ms: START_MS + 10_000,
        status,
        retry_ms: START_MS + 1,
        settled_ms: settled.then_some(START_MS + 2),
        word: if settled {
            "example".into()
        } else {
            String::new()
        },
        result: EffectResult::default(),
    }
}

async fn begin(bench: &Bench, effects: Vec<Effect>) {
    let begin = bench
        .journal
        .write(async move |tx| ledger::begin_effects(tx, "r1", 1, &effects).await);
    begin.await.unwrap();
}

async fn settle(bench: &Bench, effect: Effect) {
    bench
        .journal
        .write(async move |tx| ledger::settle_effect(tx, "r1", &effect).await)
        .await
        .unwrap();
}

async fn effects(bench: &Bench) -> Vec<Effect> {
    bench
        .journal
        .read(async |tx| ledger::effects(tx, "r1").await)
        .await
        .unwrap()
}

async fn effects_round_trip(bench: Arc<Bench>) {
    let mut expected = Vec::new();
    for (kind, status) in KINDS.into_iter().zip(STATUSES.into_iter().cycle()) {
        begin(&bench, vec![effect(kind, Status::Intent)]).await;
        let mut outcome = effect(kind, status);
        outcome.result = EffectResult {
            base: Some(Base {
                version: Some(VersionId::new("v7")),
                token: None,
            }),
            version: Some(VersionId::new("v8")),
            orphans: vec!["an-orphan".into()],
            detail: "it's 100 % \"quoted\"\nand \u{fc}ber two lines".into(),
        };
        settle(&bench, outcome.clone()).await;
        // What was expected to be there is part of the intent's row and of the outcome's alike.
        expected.push(outcome);
    }
    let mut found = effects(&bench).await;
    found.sort_by_key(|effect| effect.kind);
    expected.sort_by_key(|effect| effect.kind);
    assert_eq!(found, expected);
}

async fn settled_stays(bench: Arc<Bench>) {
    let settled = STATUSES
        .into_iter()
        .filter(|status| !matches!(status, Status::Intent | Status::Pending));
    for (status, kind) in settled.zip(KINDS) {
        begin(&bench, vec![effect(kind, Status::Intent)]).await;
        settle(&bench, effect(kind, status)).await;
        settle(&bench, effect(kind, Status::Pending)).await;
        let found = effects(&bench).await;
        let found = found.iter().find(|effect| effect.kind == kind).unwrap();
        assert_eq!(found, &effect(kind, status), "{status:?}");
    }
}

async fn pending_settles(bench: Arc<Bench>) {
    begin(&bench, vec![effect(Kind::Publish, Status::Intent)]).await;
    for status in [Status::Pending, Status::Applied] {
        settle(&bench, effect(Kind::Publish, status)).await;
        assert_eq!(effects(&bench).await, [effect(Kind::Publish, status)]);
    }
}

async fn one_intent_per_try(bench: Arc<Bench>) {
    begin(&bench, vec![effect(Kind::Mint, Status::Intent)]).await;
    let again = vec![
        effect(Kind::Revoke, Status::Intent),
        effect(Kind::Mint, Status::Intent),
    ];
    let again = bench
        .journal
        .write(async move |tx| ledger::begin_effects(tx, "r1", 2, &again).await);
    assert!(again.await.is_err());
    assert_eq!(effects(&bench).await.len(), 1);
    let mut second = effect(Kind::Mint, Status::Intent);
    second.attempt = 2;
    begin(&bench, vec![second]).await;
    assert_eq!(effects(&bench).await.len(), 2);
}

async fn probes_replaced(bench: Arc<Bench>) {
    let probe = |look: Look, failures: i64| Probe {
        look,
        target: "main:production/api-key".into(),
        result: if failures == 0 {
            "ok".into()
        } else {
            "unavailable".into()
        },
        detail: "an example".into(),
        at_ms: START_MS + failures,
        failures,
    };
    for failures in [3, 0] {
        let round: Vec<Probe> = LOOKS
            .into_iter()
            .map(|look| probe(look, failures))
            .collect();
        let mut expected = round.clone();
        let keep = bench
            .journal
            .write(async move |tx| ledger::keep_probes(tx, "r1", &round).await);
        keep.await.unwrap();
        let mut found = bench
            .journal
            .read(async |tx| tx.all(ledger::probes("r1")).await)
            .await
            .unwrap();
        found.sort_by_key(|probe| probe.look);
        expected.sort_by_key(|probe| probe.look);
        assert_eq!(found, expected);
    }
}

async fn evidence_replaced(bench: Arc<Bench>) {
    let one = |consumer: &str, instance: &str, strength: Strength| Evidence {
        consumer: consumer.into(),
        instance: instance.into(),
        holding: "an-example-credential".into(),
        strength,
        at_ms: START_MS,
        detail: String::new(),
    };
    let rounds = [
        (
            "api",
            vec![
                one("api", "a", Strength::Delivered),
                one("api", "b", Strength::Restarted),
            ],
        ),
        ("worker", vec![one("worker", "w", Strength::Claimed)]),
        ("api", vec![one("api", "b", Strength::Proven)]),
    ];
    for (consumer, round) in rounds {
        let keep = bench.journal.write(async move |tx| {
            ledger::drop_evidence(tx, "r1", consumer).await?;
            ledger::keep_evidence(tx, "r1", &round).await
        });
        keep.await.unwrap();
    }
    let found = bench
        .journal
        .read(async |tx| tx.all(ledger::evidence("r1")).await)
        .await
        .unwrap();
    let expected = [
        one("api", "b", Strength::Proven),
        one("worker", "w", Strength::Claimed),
    ];
    assert_eq!(
        found, expected,
        "an instance that no longer answers no longer counts"
    );
}

async fn waivers_expire(bench: Arc<Bench>) {
    let waiver = Waiver {
        created_ms: 0,
        subject: "api".into(),
        actor: "example".into(),
        reason: "it is shut down".into(),
        until_ms: START_MS + 1_000,
    };
    let kept = waiver.clone();
    let waive = bench
        .journal
        .write(async move |tx| ledger::waive(tx, "w1", "production/api-key", &kept).await);
    waive.await.unwrap();
    let standing = |secret: &'static str| {
        bench
            .journal
            .read(async move |tx| tx.all(ledger::waivers(secret, tx.now_ms())).await)
    };
    assert_eq!(standing("production/api-key").await.unwrap(), [waiver]);
    assert_eq!(standing("production/other").await.unwrap(), []);
    bench.clock.advance(1_000);
    assert_eq!(
        standing("production/api-key").await.unwrap(),
        [],
        "over at its moment"
    );
}

fn credential(id: &str, state: &str) -> CredentialRow {
    CredentialRow {
        id: id.into(),
        secret_id: "production/api-key".into(),
        rotation_id: None,
        issuer_ref: None,
        fingerprint: Some("an-example-fingerprint".into()),
        state: state.into(),
        born_ms: START_MS,
        published_ms: None,
    }
}

async fn add(bench: &Bench, row: CredentialRow) {
    bench
        .journal
        .write(async move |tx| ledger::add_credential(tx, &row).await)
        .await
        .unwrap();
}

async fn found(bench: &Bench, id: &'static str) -> CredentialRow {
    bench
        .journal
        .read(async move |tx| ledger::credential(tx, id).await)
        .await
        .unwrap()
        .unwrap()
}

async fn credential_states(bench: Arc<Bench>) {
    add(&bench, credential("c1", "candidate")).await;
    let states = [
        "current",
        "previous",
        "disabled",
        "retiring",
        "refused",
        "replaced",
        "unknown",
        "destroyed",
    ];
    for state in states {
        let change = bench
            .journal
            .write(async move |tx| ledger::credential_state(tx, "c1", state).await);
        change.await.unwrap();
        assert_eq!(found(&bench, "c1").await.state, state);
    }
    let change = bench
        .journal
        .write(async |tx| ledger::credential_state(tx, "c1", "vanished").await);
    assert!(
        change.await.is_err(),
        "only the words of the table are states"
    );
    assert_eq!(found(&bench, "c1").await.state, "destroyed");
    add(&bench, credential("c1", "candidate")).await;
    assert_eq!(
        found(&bench, "c1").await.state,
        "destroyed",
        "adding twice changes nothing"
    );
}

async fn credential_learnt(bench: Arc<Bench>) {
    add(&bench, credential("c1", "current")).await;
    let learn = |issuer_ref: Option<&'static str>, published_ms: Option<i64>| {
        bench.journal.write(async move |tx| {
            ledger::credential_learnt(tx, "c1", issuer_ref.map(str::to_owned), published_ms).await
        })
    };
    learn(Some("AKIA-EXAMPLE"), None).await.unwrap();
    learn(None, Some(START_MS)).await.unwrap();
    let row = found(&bench, "c1").await;
    assert_eq!(
        (row.issuer_ref.as_deref(), row.published_ms),
        (Some("AKIA-EXAMPLE"), Some(START_MS))
    );
    let all = bench
        .journal
        .read(async |tx| ledger::credentials(tx, "production/api-key").await);
    assert_eq!(all.await.unwrap(), [row]);
}

async fn sealed(bench: Arc<Bench>) {
    let keep = |rotation: &'static str, body: &'static [u8]| {
        bench.journal.write(async move |tx| {
            ledger::keep_data_key(tx, rotation, "k1", body.to_vec()).await?;
            ledger::keep_sealed(tx, rotation, &[("candidate".into(), body.to_vec())]).await
        })
    };
    // Every byte, so that no text encoding sits between us and the table.
    const BYTES: &[u8] = &{
        let mut bytes = [0_u8; 256];
        let mut i = 0;
        while i < 256 {
            bytes[i] = i as u8;
            i += 1;
        }
        bytes
    };
    keep("r1", BYTES).await.unwrap();
    keep("r1", b"another").await.unwrap();
    keep("r2", b"untouched").await.unwrap();
    let read = |rotation: &'static str| {
        bench.journal.read(async move |tx| {
            let names = tx.all(ledger::sealed_names(rotation)).await?;
            Ok((
                ledger::data_key(tx, rotation).await?,
                ledger::sealed(tx, rotation).await?,
                names.len(),
            ))
        })
    };
    let first = (
        Some(("k1".to_owned(), BYTES.to_vec())),
        vec![("candidate".to_owned(), BYTES.to_vec())],
        1,
    );
    assert_eq!(read("r1").await.unwrap(), first, "the first stays");
    bench
        .journal
        .write(async |tx| ledger::shred(tx, "r1").await)
        .await
        .unwrap();
    assert_eq!(read("r1").await.unwrap(), (None, Vec::new(), 0));
    assert_eq!(read("r2").await.unwrap().2, 1);
}

async fn published(bench: Arc<Bench>) {
    for version in ["v1", "v2"] {
        let publish = bench.journal.write(async move |tx| {
            ledger::published(tx, "production/api-key", "main:api", version, "c1").await
        });
        publish.await.unwrap();
    }
    let rows = bench.journal.read(async |tx| {
        let rows = tx
            .rows("SELECT version FROM published WHERE credential = 'c1'", &[])
            .await?;
        rows.iter()
            .map(|row| row.text("version"))
            .collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(rows.await.unwrap(), ["v2"]);
}
