//! An AWS on its bad days: between us and the emulator stands a proxy that fails.

use crate::rig::{Ours, Witness, mark, place, prepare, publish, store, whole, word};
use keywheel_contract::{ErrorKind, Found, SecretStore, SecretValue, VersionId};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::aws::Emulator;
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::proxy::in_front_of;
use keywheel_test_servers::serve::Served;
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Scene {
    emulator: Emulator,
    proxy: Served,
    ours: Ours,
    witness: Witness,
}

impl Scene {
    async fn set() -> Option<Self> {
        let emulator = Emulator::roto().await?;
        let proxy = in_front_of(&emulator.address, None).await;
        Some(Self {
            ours: Ours::at(&proxy.address, json!({})),
            witness: Witness::of(&emulator.address)?,
            emulator,
            proxy,
        })
    }

    /// The next call of that name meets this fault.
    fn fails(&self, operation: &'static str, fault: Fault) {
        let faults = &self.proxy.faults;
        faults.next(1, fault, move |asked| asked.operation() == operation);
    }
}

/// Publishes as the engine does: after a doubtful answer it looks, and repeats only what is not there.
async fn insists(scene: &Scene, text: &str, number: u8) -> usize {
    let (store, place) = (&scene.ours.store, place("a"));
    let mut doubts = 0;
    let prepared = prepare(store, &place, text, number).await.unwrap();
    loop {
        match store.stage(&prepared.write()).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.word(), "unknown_outcome", "{error}"),
        }
        doubts += 1;
        let found = store.find(&place, &prepared.mark, &prepared.payload).await;
        if matches!(found, Ok(Found::Staged(_))) {
            break;
        }
    }
    loop {
        match store.promote(&prepared.write()).await {
            Ok(_) => return doubts,
            Err(error) => assert_eq!(error.word(), "unknown_outcome", "{error}"),
        }
        doubts += 1;
        let found = store.find(&place, &prepared.mark, &prepared.payload).await;
        if matches!(found, Ok(Found::Current(_))) {
            return doubts;
        }
    }
}

#[tokio::test]
async fn every_write_that_loses_its_first_answer_makes_one_version() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene
        .proxy
        .faults
        .lose_every_first_reply(|asked| asked.writes());
    assert!(insists(&scene, "example-1", 1).await > 0);
    assert!(insists(&scene, "example-2", 2).await > 0);
    let met = scene.proxy.faults.met().join("\n");
    for operation in ["CreateSecret", "PutSecretValue", "UpdateSecretVersionStage"] {
        assert!(met.contains(operation), "{met}");
    }
    assert_eq!(scene.witness.versions("a").len(), 2, "one for each value");
    let labels = &scene.witness.describe("a")["VersionIdsToStages"];
    let of = |number: u8| labels[mark(number).token].to_string();
    assert!(of(2).contains("AWSCURRENT"), "{labels}");
    assert!(of(1).contains("AWSPREVIOUS"), "{labels}");
    let value = scene.witness.value("a", "AWSCURRENT");
    assert_eq!(value, json!(r#"{"TOKEN":"example-2"}"#));
}

#[tokio::test]
async fn a_doubtful_write_is_told_and_a_failed_read_is_unavailable() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (store, place) = (&scene.ours.store, place("a"));
    publish(store, &place, "example-1", 1).await.unwrap();
    let faults = [
        Fault::LoseReply,
        Fault::CutBody,
        Fault::Reset,
        Fault::Refuse(503, None),
    ];
    for (number, fault) in (2..).zip(faults) {
        let text = format!("example-{number}");
        scene.fails("DescribeSecret", fault.clone());
        let looked = store.inspect(&place).await;
        assert_eq!(word(looked), "unavailable", "{fault:?}");
        let prepared = prepare(store, &place, &text, number).await.unwrap();
        scene.fails("PutSecretValue", fault.clone());
        let staged = store.stage(&prepared.write()).await;
        assert_eq!(word(staged), "unknown_outcome", "{fault:?}");
        store.stage(&prepared.write()).await.unwrap();
        scene.fails("UpdateSecretVersionStage", fault.clone());
        let shown = store.promote(&prepared.write()).await;
        assert_eq!(word(shown), "unknown_outcome", "{fault:?}");
        assert_eq!(word(store.promote(&prepared.write()).await), "done");
        let versions = scene.witness.versions("a").len();
        assert_eq!(versions, usize::from(number), "{fault:?}");
    }
}

#[tokio::test]
async fn too_many_calls_wait_as_long_as_aws_says() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let after = Some(Duration::from_secs(7));
    let prepared = prepare(&scene.ours.store, &place("a"), "example", 1).await;
    let prepared = prepared.unwrap();
    for operation in ["DescribeSecret", "CreateSecret"] {
        scene.fails(operation, Fault::Refuse(429, Some(7)));
        let refused = scene.ours.store.stage(&prepared.write()).await;
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Throttled { after });
    }
    let listed = scene.witness.run("show(c.list_secrets())", json!(null));
    assert_eq!(listed["SecretList"], json!([]));
}

#[tokio::test]
async fn a_stale_answer_neither_loses_nor_doubles_a_write() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (store, place) = (&scene.ours.store, place("a"));
    publish(store, &place, "example-1", 1).await.unwrap();
    let prepared = prepare(store, &place, "example-2", 2).await.unwrap();
    store.stage(&prepared.write()).await.unwrap();
    // The look after the move still shows the state before it.
    let looks = Arc::new(Mutex::new(0));
    scene.proxy.faults.next(1, Fault::Stale, move |asked| {
        let mut looks = looks.lock().unwrap();
        *looks += usize::from(asked.operation() == "DescribeSecret");
        *looks == 2
    });
    let doubtful = store.promote(&prepared.write()).await;
    assert_eq!(word(doubtful), "unknown_outcome");
    let found = store.find(&place, &prepared.mark, &prepared.payload).await;
    assert!(matches!(found, Ok(Found::Current(_))), "{found:?}");
    assert_eq!(word(store.promote(&prepared.write()).await), "done");
    assert_eq!(scene.witness.versions("a").len(), 2);
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.fails("PutSecretValue", Fault::Delay(Duration::from_secs(2)));
    let written = publish(&scene.ours.store, &place("a"), "example", 1).await;
    assert_eq!(word(written), "done");
}

#[tokio::test]
async fn an_unknown_authority_is_never_talked_to() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let authority = Authority::make();
    let proxy = in_front_of(&scene.emulator.address, Some(&authority)).await;
    let ours = Ours::at(&proxy.address, json!({}));
    assert_eq!(word(ours.store.inspect(&place("a")).await), "unavailable");
    let nobody = Ours::at("http://127.0.0.1:9", json!({}));
    assert_eq!(word(nobody.store.inspect(&place("a")).await), "unavailable");
    assert!(proxy.faults.met().is_empty());
}

#[tokio::test]
async fn a_write_that_was_not_sent_is_no_doubt() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let prepared = prepare(&scene.ours.store, &place("a"), "example", 1).await;
    let prepared = prepared.unwrap();
    let key = json!({ "id": { "file": "none" }, "secret": { "file": "none" } });
    let lost = Ours::at(&scene.proxy.address, json!({ "access_key": key }));
    let refused = lost.store.stage(&prepared.write()).await.unwrap_err();
    assert_eq!(refused.word(), "unavailable", "{refused}");
    assert!(refused.message.contains("the file `none`"), "{refused}");
    let region = json!({ "access_key": key, "endpoint": scene.proxy.address });
    let nowhere = store(region, Path::new("/nonexistent"));
    let refused = nowhere.inspect(&whole("a")).await.unwrap_err();
    assert!(refused.message.contains("no region"), "{refused}");
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_value_or_a_key() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let log = Log::of_every_thread();
    let (store, place) = (&scene.ours.store, whole("a"));
    publish(store, &place, "example-canary-1", 1).await.unwrap();
    let mut prepared = prepare(store, &place, "example-canary-2", 2).await.unwrap();
    store.stage(&prepared.write()).await.unwrap();
    prepared.payload = SecretValue::from("example-canary-3".to_owned());
    let mut shown = String::new();
    for _ in 0..2 {
        let refused = store.promote(&prepared.write()).await.unwrap_err();
        assert_eq!(refused.word(), "conflict");
        shown += &format!("{refused} {refused:?}\n");
        scene.fails("GetSecretValue", Fault::CutBody);
        let version = VersionId::new(&prepared.mark.token);
        let cut = store.read(&place, &version).await.err().unwrap();
        shown += &format!("{cut} {cut:?}\n");
        prepared.mark = mark(1);
    }
    shown += &log.text();

    assert!(shown.contains("DescribeSecret"), "nothing was logged");
    for hidden in ["example-canary", "example-secret"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
