//! The consumer `workload` against a fake whose controllers take one step at a time.

mod strangers;

use crate::rig::{Kept, word};
use async_trait::async_trait;
use keywheel_contract::conformance::consumer::{ConsumerHarness, suite};
use keywheel_contract::{
    Consumer, CredentialId, Held, Holding, Notice, Observation, Question, Result, RotationId,
    SecretId, SecretValue, Strength, Verdict, VersionId,
};
use keywheel_provider_kubernetes::{KubernetesOptions, Workload};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::kubernetes::Kubernetes;
use serde_json::json;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "orders/db";
const DESTINATION: &str = "cluster:orders/db";

/// The manual's rights for a workload, and no other.
const ROLE: &str = r#"
kind: Role
metadata:
  namespace: orders
rules:
- apiGroups: ["apps"]
  resources: ["deployments", "statefulsets", "daemonsets"]
  resourceNames: ["api"]
  verbs: ["get", "patch"]
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list"]
"#;

struct Rig {
    authority: Authority,
    cluster: Kubernetes,
    workload: Workload,
    kind: &'static str,
    token: Kept,
}

impl Rig {
    /// Three pods of a workload that reads a Secret, never notified yet.
    async fn set(kind: &'static str) -> Self {
        let authority = Authority::make();
        let cluster = Kubernetes::start(&authority, &["orders"]).await;
        cluster.edit(SECRET, "TOKEN", "example-old", "kubectl-create");
        cluster.run(kind, "orders/api", 3, ("db", "TOKEN"));
        cluster.settle();
        let token = Kept::new(&cluster.service_account(ROLE));
        let options = json!({ "address": cluster.address(), "ca_file": authority.ca_file(), "token": token.reference() });
        let options: KubernetesOptions = serde_json::from_value(options).unwrap();
        let name = format!("orders/{}/api", kind.trim_end_matches('s'));
        let workload = Workload::new(&options, Path::new("/nonexistent"), &name).unwrap();
        Self {
            authority,
            cluster,
            workload,
            kind,
            token,
        }
    }

    async fn notify(&self, version: &str) -> Result<()> {
        self.notify_by("example", version).await
    }

    async fn notify_by(&self, rotation: &str, version: &str) -> Result<()> {
        self.workload.notify(&notice(rotation, version)).await
    }

    /// Somebody deletes each pod, and waits for the next one.
    fn replace_pods(&self) {
        for pod in self.cluster.held("orders/api").into_keys() {
            self.cluster.delete_pod(&format!("orders/{pod}"));
            self.cluster.settle();
        }
    }

    async fn observe(&self, since_ms: i64) -> Result<Vec<Observation>> {
        let value = SecretValue::from("example".to_owned());
        let names = [("new", "fp-new"), ("old", "fp-old")];
        let known = names.map(|(id, version)| (CredentialId::new(id), VersionId::new(version)));
        let held: Vec<Held<'_>> = known
            .iter()
            .map(|(credential, version)| Held {
                credential,
                issuer_ref: None,
                version: Some(version),
                value: &value,
                strong: true,
            })
            .collect();
        let question = Question {
            id: &id(),
            consumer: "api",
            destination: DESTINATION,
            held: &held,
            published_at_ms: since_ms,
            instances: 3,
        };
        self.workload.observe(&question).await
    }

    /// Whether the new value alone is proven: what the gate asks for.
    async fn is_proven(&self, since_ms: i64) -> bool {
        self.is_proven_on("new", since_ms).await
    }

    async fn is_proven_on(&self, credential: &str, since_ms: i64) -> bool {
        let seen = self.observe(since_ms).await.unwrap();
        let holds = |one: &Observation| {
            one.holding == Holding::Credential(CredentialId::new(credential))
                && one.strength == Strength::Restarted
        };
        seen.len() >= 3 && seen.iter().all(holds)
    }

    fn generation(&self) -> u64 {
        let told = self.cluster.workload(self.kind, "orders/api");
        told["metadata"]["generation"].as_u64().unwrap()
    }
}

fn id() -> SecretId {
    "production/token".parse().unwrap()
}

fn notice(rotation: &str, version: &str) -> Notice {
    Notice {
        id: id(),
        consumer: "api".to_owned(),
        destination: DESTINATION.to_owned(),
        version: VersionId::new(version),
        credential: None,
        rotation: RotationId::new(rotation),
    }
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as i64
}

#[tokio::test]
async fn the_same_version_twice_restarts_once() {
    for kind in ["deployments", "statefulsets", "daemonsets"] {
        let rig = Rig::set(kind).await;
        let before = rig.generation();
        rig.notify("fp-old").await.unwrap();
        rig.notify("fp-old").await.unwrap();
        assert_eq!(rig.generation(), before + 1, "{kind}");
        rig.notify("fp-new").await.unwrap();
        assert_eq!(rig.generation(), before + 2, "{kind}");
        rig.cluster.settle();
        let marks = rig.cluster.workload(rig.kind, "orders/api");
        let marks = marks["spec"]["template"]["metadata"]["annotations"]
            .as_object()
            .unwrap()
            .clone();
        assert_eq!(marks.len(), 1, "{marks:?}");
    }
}

/// A Secret's version is a print of its content: the old value comes back under its old name, which pods carry already.
#[tokio::test]
async fn the_way_back_restarts_whoever_may_have_read_the_new_value() {
    for (kind, was_told) in [
        ("deployments", true),
        ("deployments", false),
        ("statefulsets", false),
    ] {
        let rig = Rig::set(kind).await;
        rig.notify_by("example-1", "fp-old").await.unwrap();
        rig.cluster.settle();
        rig.cluster.edit(SECRET, "TOKEN", "example-new", "keywheel");
        match was_told {
            true => rig.notify_by("example-2", "fp-new").await.unwrap(),
            // Whoever starts now reads the new value under the old mark.
            false => rig.replace_pods(),
        }
        rig.cluster.settle();
        rig.cluster.edit(SECRET, "TOKEN", "example-old", "keywheel");
        let before = rig.generation();
        rig.notify_by("example-2", "fp-old").await.unwrap();
        rig.notify_by("example-2", "fp-old").await.unwrap();
        assert_eq!(rig.generation(), before + 1, "{kind} {was_told}");
        assert!(!rig.is_proven_on("old", 0).await, "{kind} {was_told}");
        rig.cluster.settle();
        let held = rig.cluster.held("orders/api");
        assert!(
            held.values().all(|value| value == "example-old"),
            "{held:?}"
        );
        assert!(rig.is_proven_on("old", 0).await, "{kind} {was_told}");
    }
}

#[tokio::test]
async fn pods_of_on_delete_are_proven_once_somebody_deleted_each() {
    for kind in ["statefulsets", "daemonsets"] {
        let rig = Rig::set(kind).await;
        let by_hand = json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } });
        rig.cluster.merge_workload(kind, "orders/api", &by_hand);
        rig.cluster.edit(SECRET, "TOKEN", "example-new", "keywheel");
        rig.notify("fp-new").await.unwrap();
        rig.cluster.settle();
        assert!(!rig.is_proven(0).await, "{kind}");
        rig.replace_pods();
        let seen = rig.observe(0).await.unwrap();
        assert!(rig.is_proven(0).await, "{kind}: {seen:?}");
        let status = rig.cluster.workload(kind, "orders/api")["status"].clone();
        assert_ne!(status["currentRevision"], status["updateRevision"]);
    }
}

/// The truth is what the processes read: each time that the consumer counts as proven, no pod holds anything else.
#[tokio::test]
async fn a_rollout_is_proven_only_once_the_last_old_pod_is_gone() {
    for kind in ["deployments", "statefulsets", "daemonsets"] {
        let rig = Rig::set(kind).await;
        rig.notify("fp-old").await.unwrap();
        rig.cluster.settle();
        assert!(!rig.is_proven(0).await);
        rig.cluster.edit(SECRET, "TOKEN", "example-new", "keywheel");
        let since = now_ms();
        rig.notify("fp-new").await.unwrap();
        let (mut steps, mut mixed) = (0, 0);
        while !rig.is_proven(since).await {
            let held = rig.cluster.held("orders/api");
            mixed += usize::from(held.values().any(|value| value == "example-new"));
            rig.cluster.tick();
            steps += 1;
            assert!(steps < 60, "{kind}: never done");
        }
        let held = rig.cluster.held("orders/api");
        assert!(
            held.len() == 3 && held.values().all(|value| value == "example-new"),
            "{kind}: {held:?}"
        );
        assert!(mixed > 2, "{kind}: it was not gradual");
        println!(
            "{kind}: proven after {steps} steps, {mixed} of them with old and new side by side"
        );
    }
}

#[tokio::test]
async fn an_old_pod_that_lingers_is_waited_for_though_the_rollout_says_done() {
    let rig = Rig::set("deployments").await;
    rig.cluster.lingers(true);
    rig.notify("fp-new").await.unwrap();
    rig.cluster.settle();
    let status = rig.cluster.workload("deployments", "orders/api")["status"].clone();
    assert_eq!(
        (&status["updatedReplicas"], &status["replicas"]),
        (&json!(3), &json!(3))
    );
    let seen = rig.observe(0).await.unwrap();
    let leaving = seen
        .iter()
        .filter(|one| one.detail.contains("being deleted"))
        .count();
    assert_eq!((seen.len(), leaving), (6, 3));
    rig.cluster.lingers(false);
    rig.cluster.settle();
    assert!(rig.is_proven(0).await);
}

#[tokio::test]
async fn a_rollout_that_is_stuck_is_said_plainly() {
    let rig = Rig::set("deployments").await;
    rig.cluster.breaks("orders/api", true);
    rig.notify("fp-new").await.unwrap();
    rig.cluster.settle();
    assert!(!rig.is_proven(0).await);
    rig.cluster.deadline_passes("orders/api");
    rig.cluster.settle();
    let seen = rig.observe(0).await.unwrap();
    let stuck = seen
        .iter()
        .all(|one| one.detail.contains("stuck: ProgressDeadlineExceeded"));
    assert!(stuck, "{seen:?}");
    rig.cluster.breaks("orders/api", false);
    rig.cluster.settle();
    assert!(rig.is_proven(0).await);
}

#[tokio::test]
async fn who_does_not_roll_by_itself_is_named() {
    for (kind, patch, words) in [
        (
            "deployments",
            json!({ "spec": { "paused": true } }),
            "paused",
        ),
        (
            "statefulsets",
            json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }),
            "OnDelete",
        ),
        (
            "daemonsets",
            json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }),
            "OnDelete",
        ),
        (
            "statefulsets",
            json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 1 } } } }),
            "partition",
        ),
    ] {
        let rig = Rig::set(kind).await;
        rig.cluster.merge_workload(kind, "orders/api", &patch);
        rig.notify("fp-new").await.unwrap();
        rig.cluster.settle();
        let seen = rig.observe(0).await.unwrap();
        assert!(
            seen.iter().any(|one| one.detail.contains(words)),
            "{kind} {words}: {seen:?}"
        );
        assert!(!rig.is_proven(0).await);
    }
}

#[tokio::test]
async fn each_failure_says_what_to_do() {
    let rig = Rig::set("deployments").await;
    rig.cluster
        .faults()
        .next(1, Fault::LoseReply, |asked| asked.writes());
    assert_eq!(word(rig.notify("fp-new").await), "unknown_outcome");
    rig.notify("fp-new").await.unwrap();
    for (fault, expected) in [
        (Fault::Refuse(409, None), "unavailable"),
        (Fault::Refuse(429, Some(3)), "throttled"),
        (Fault::Refuse(500, None), "unknown_outcome"),
    ] {
        rig.cluster.faults().next(1, fault, |asked| asked.writes());
        assert_eq!(word(rig.notify("fp-new").await), expected);
    }
    rig.cluster.merge_workload(
        "deployments",
        "orders/api",
        &json!({ "spec": { "replicas": 0 } }),
    );
    rig.cluster.settle();
    let nobody = rig.observe(0).await.unwrap_err();
    assert!(nobody.message.contains("no pods"), "{nobody}");
    let reads = ROLE
        .replace("\"get\", \"patch\"", "\"get\"")
        .replace("\"list\"", "\"get\"");
    rig.token.replace(&rig.cluster.service_account(&reads));
    let refused = rig.notify("fp-old").await.unwrap_err();
    assert!(
        refused
            .message
            .starts_with("restarting orders/deployment/api: forbidden"),
        "{refused}"
    );
    let refused = rig.observe(0).await.unwrap_err();
    assert!(refused.message.starts_with("listing the pods"), "{refused}");
    rig.token.replace(&rig.cluster.administrator());
    rig.cluster.remove_workload("deployments", "orders/api");
    assert_eq!(word(rig.notify("fp-old").await), "not_found");
    assert_eq!(word(rig.observe(0).await), "not_found");
}

/// Its rollouts are the suite's way to have every pod use a value.
#[async_trait]
impl ConsumerHarness for Rig {
    fn consumer(&self) -> &dyn Consumer {
        &self.workload
    }

    fn id(&self) -> SecretId {
        id()
    }

    fn destination(&self) -> String {
        DESTINATION.to_owned()
    }

    fn version(&self, value: &SecretValue) -> Option<VersionId> {
        let text = value.expose_secret_str()?;
        Some(VersionId::new(
            format!("v{}", text.len()) + &text[text.len() - 12..],
        ))
    }

    async fn hold(&self, value: &SecretValue) -> bool {
        let spec = json!({ "spec": { "replicas": 3 } });
        self.cluster.merge_workload(self.kind, "orders/api", &spec);
        let version = self.version(value).unwrap();
        self.notify(version.as_str()).await.unwrap();
        self.cluster.settle();
        true
    }

    async fn hold_nothing(&self) -> bool {
        let spec = json!({ "spec": { "replicas": 0 } });
        self.cluster.merge_workload(self.kind, "orders/api", &spec);
        self.cluster.settle();
        true
    }

    fn instances(&self) -> u32 {
        3
    }
}

#[tokio::test]
async fn the_suite_passes_with_the_rights_of_the_manual() {
    for kind in ["deployments", "statefulsets"] {
        let report = suite(&Rig::set(kind).await).await;
        keywheel_test_servers::counts::suite(&report);
        // Nothing is ruled out by what it can do.
        assert_eq!((report.failed(), report.skipped()), (0, 1), "{report}");
    }
}

#[tokio::test]
async fn the_printed_role_is_enough_and_what_is_missing_is_said() {
    for kind in ["deployments", "statefulsets", "daemonsets"] {
        let rig = Rig::set(kind).await;
        let policy = rig.workload.examine().await.policy.unwrap();
        rig.token.replace(&rig.cluster.service_account(&policy));
        let seen = rig.workload.examine().await;
        let good = seen.findings.iter().all(|one| one.verdict == Verdict::Good);
        assert!(good && seen.findings.len() == 5, "{:?}", seen.findings);
        assert!(seen.findings.iter().any(|one| one.about == "clock"));
        rig.notify("fp-new").await.unwrap();
        rig.cluster.settle();
        assert!(rig.is_proven(0).await);
        let less = policy
            .replace(", \"patch\"", "")
            .replace("\"pods\"", "\"services\"");
        rig.token.replace(&rig.cluster.service_account(&less));
        let seen = rig.workload.examine().await;
        let missing = seen
            .findings
            .iter()
            .filter(|one| one.verdict == Verdict::Missing);
        let missing: Vec<&str> = missing.map(|one| one.about.as_str()).collect();
        let name = format!("orders/{}/api", kind.trim_end_matches('s'));
        let about = [
            "reachable",
            "permission to patch",
            "permission to list pods",
        ];
        assert_eq!(missing, about.map(|about| format!("{about}: {name}")));
    }
}
