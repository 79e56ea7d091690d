//! Secrets that AWS rotates: it is asked to, watched, and nothing is ever written. The rotation itself is played by a
//! shim in front of the emulator; AWS's own client is the witness.

use crate::rig::{Ours, Witness, place, prepare, word};
use keywheel_contract::{
    Credential, Error, Found, Issuer, Result, Retired, SecretStore, SecretValue, Tag, Verdict,
    VersionId,
};
use keywheel_provider_aws::{AwsOptions, DelegatedStore, RotationIssuer, RotationOptions};
use keywheel_test_servers::aws::Emulator;
use keywheel_test_servers::aws::rotation::{Ends, Function, in_front_of};
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::serve::Served;
use serde_json::{Value, json};
use tempfile::TempDir;

const TAG: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-1";
const NEXT: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-2";

/// What a person sets up: AWS rotates the secret by a function, every 30 days.
const TURN_ON: &str = "
c.create_secret(Name=told, SecretString=json.dumps({'user': 'app', 'TOKEN': 'example-1'}))
c.rotate_secret(SecretId=told, RotationLambdaARN='arn:aws:lambda:us-east-1:123456789012:function:example',
    RotationRules={'AutomaticallyAfterDays': 30}, RotateImmediately=False)
";

struct Scene {
    // Held for their lives.
    _emulator: Emulator,
    _folder: TempDir,
    shim: Served,
    function: Function,
    store: DelegatedStore,
    issuer: RotationIssuer,
    witness: Witness,
}

/// `example-1` becomes `example-2`, and so on.
fn makes(current: &str) -> String {
    let mut document: Value = serde_json::from_str(current).unwrap();
    let number = document["TOKEN"].as_str().unwrap().rsplit('-').next();
    let number: u32 = number.unwrap().parse().unwrap();
    document["TOKEN"] = json!(format!("example-{}", number + 1));
    document.to_string()
}

impl Scene {
    async fn set() -> Option<Self> {
        let emulator = Emulator::roto().await?;
        let (shim, function) = in_front_of(&emulator.address, makes).await;
        let witness = Witness::of(&emulator.address)?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("id"), "EXAMPLEKEYID").unwrap();
        std::fs::write(folder.path().join("secret"), "example-secret").unwrap();
        let store: AwsOptions = serde_json::from_value(json!({
            "region": "us-east-1", "endpoint": shim.address, "sts_endpoint": shim.address, "delegate": true,
            "access_key": { "id": { "file": "id" }, "secret": { "file": "secret" } },
        }))
        .unwrap();
        let options = RotationOptions {
            secret: "a".to_owned(),
            store: store.clone(),
        };
        witness.run(TURN_ON, json!("a"));
        Some(Self {
            store: DelegatedStore::new(&store, folder.path()).unwrap(),
            issuer: RotationIssuer::new(&options, folder.path()).unwrap(),
            _emulator: emulator,
            _folder: folder,
            shim,
            function,
            witness,
        })
    }

    async fn mint(&self, tag: &str) -> Result<Credential> {
        self.issuer.mint(&Tag::new(tag)).await
    }

    /// The value of the field, as AWS's own client reads it.
    fn shown(&self) -> Value {
        let text = self.witness.value("a", "AWSCURRENT");
        let document: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        document["TOKEN"].clone()
    }
}

fn refused<T>(answer: Result<T>) -> Error {
    answer.err().expect("a refusal")
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_rotates_and_what_it_made_is_answered() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let minted = scene.mint(TAG).await.unwrap();
    assert_eq!(minted.id.as_str(), TAG);
    let text = |name: &str| {
        let field = minted.fields.field(name);
        field.and_then(SecretValue::expose_secret_str).unwrap()
    };
    assert_eq!((text("TOKEN"), text("user")), ("example-2", "app"));
    assert_eq!(scene.shown(), "example-2");
    assert_eq!(scene.function.begun(), [TAG]);
    // The settings of its rotation are as they were.
    let seen = scene.witness.describe("a");
    assert_eq!(
        seen["RotationRules"],
        json!({ "AutomaticallyAfterDays": 30 })
    );
    // The same again is the same.
    let again = scene.mint(TAG).await.unwrap();
    assert!(
        again
            .fields
            .field("value")
            .unwrap()
            .matches(minted.fields.field("value").unwrap())
    );
    assert_eq!(scene.function.begun(), [TAG]);
    let found = scene.issuer.find(&Tag::new(TAG)).await.unwrap();
    assert_eq!(found, [minted.id]);
    assert!(scene.issuer.find(&Tag::new(NEXT)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_begins_no_second_rotation() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let is_it =
        |asked: &keywheel_test_servers::faults::Asked<'_>| asked.operation() == "RotateSecret";
    scene.shim.faults.next(1, Fault::LoseReply, is_it);
    let lost = refused(scene.mint(TAG).await);
    assert_eq!(lost.word(), "unknown_outcome", "{lost}");
    let minted = scene.mint(TAG).await.unwrap();
    assert_eq!(minted.id.as_str(), TAG);
    assert_eq!(scene.function.begun(), [TAG]);
    // One that never arrived is sent again, under the same name.
    scene.shim.faults.next(1, Fault::Reset, is_it);
    assert_eq!(word(scene.mint(NEXT).await), "unknown_outcome");
    assert_eq!(scene.function.begun(), [TAG]);
    scene.mint(NEXT).await.unwrap();
    assert_eq!(scene.function.begun(), [TAG, NEXT]);
    assert_eq!(scene.shown(), "example-3");
    // Who was replaced since is not taken for the new one.
    let late = refused(scene.mint(TAG).await);
    assert_eq!(late.word(), "invalid", "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_hangs_is_waited_for_and_never_begun_twice() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.function.ends(Ends::Never);
    for _ in 0..2 {
        let hangs = refused(scene.mint(TAG).await);
        assert_eq!(hangs.word(), "unknown_outcome", "{hangs}");
        assert!(hangs.message.contains("cancel-rotate-secret"), "{hangs}");
    }
    let other = refused(scene.mint(NEXT).await);
    assert_eq!(other.word(), "unavailable", "{other}");
    assert!(other.message.contains("function:example"), "{other}");
    assert_eq!(scene.function.begun(), [TAG]);
    assert_eq!(scene.shown(), "example-1");
    scene.function.finish("a", TAG).await;
    assert_eq!(scene.mint(TAG).await.unwrap().id.as_str(), TAG);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_fails_is_told_with_where_to_look() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    for (ends, tag, words) in [
        (Ends::GivenUp, TAG, "was given up"),
        (Ends::Unchanged, NEXT, "the value of the one before"),
    ] {
        scene.function.ends(ends);
        let failed = refused(scene.mint(tag).await);
        assert_eq!(failed.word(), "invalid", "{failed}");
        assert!(failed.message.contains(words), "{failed}");
        assert!(failed.message.contains("function:example"), "{failed}");
        assert!(!failed.message.contains("example-1"), "{failed}");
    }
    assert_eq!(scene.shown(), "example-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_does_not_rotate_is_refused() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let off = "c.create_secret(Name=told, SecretString='{\"TOKEN\": \"example-1\"}')";
    scene.witness.run(off, json!("off"));
    for path in ["off", "missing"] {
        let why = refused(scene.store.inspect(&place(path)).await);
        assert_eq!(why.word(), "invalid", "{why}");
        assert!(why.message.contains("turn"), "{why}");
    }
    // Without the option everything is as before.
    let ours = Ours::at(&scene.shim.address, json!({}));
    let seen = ours.store.inspect(&place("a")).await.unwrap();
    assert!(
        seen.natively_managed_by
            .unwrap()
            .contains("function:example")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_there_is_published_and_nothing_else() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let (place, store) = (place("a"), &scene.store);
    scene.mint(TAG).await.unwrap();
    let before = scene.witness.versions("a").len();
    for (text, published) in [("example-2", true), ("example-other", false)] {
        let prepared = prepare(store, &place, text, 1).await.unwrap();
        let found = store.find(&place, &prepared.mark, &prepared.payload).await;
        let answer = store.promote(&prepared.write()).await;
        match published {
            true => {
                assert_eq!(answer.unwrap(), VersionId::new(TAG));
                assert_eq!(found.unwrap(), Found::Current(VersionId::new(TAG)));
            }
            false => {
                assert_eq!(refused(answer).word(), "natively_managed");
                assert_eq!(found.unwrap(), Found::Absent);
            }
        }
        assert_eq!(word(store.stage(&prepared.write()).await), "invalid");
    }
    let old = store.list(&place).await.unwrap();
    let old = old.iter().find(|version| !version.current).unwrap();
    assert_eq!(
        store.destroy(&place, &old.id).await.unwrap(),
        Retired::Impossible
    );
    assert_eq!(
        word(store.destroy(&place, &VersionId::new(TAG)).await),
        "conflict"
    );
    assert_eq!(scene.witness.versions("a").len(), before);
    assert_eq!(scene.shown(), "example-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_asks_for_no_right_to_write() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let seen = scene.store.examine(&[place("a")]).await;
    let policy = seen.policy.unwrap();
    assert!(policy.contains("RotateSecret") && policy.contains("function:example"));
    assert!(!policy.contains("Put") && !policy.contains("UpdateSecretVersionStage"));
    let missing = seen
        .findings
        .iter()
        .filter(|one| one.verdict == Verdict::Missing);
    assert_eq!(missing.count(), 0, "{:?}", seen.findings);
    let rotate = seen
        .findings
        .iter()
        .find(|one| one.about.contains("RotateSecret"));
    assert_eq!(rotate.unwrap().verdict, Verdict::Unproven);
}
