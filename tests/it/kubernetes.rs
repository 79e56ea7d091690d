//! Whole rotations with a Secret of a cluster as the second destination, and a Deployment that reads it as the consumer.

use crate::project::stored::Stored;
use crate::project::{Project, Tokens};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::kubernetes::Kubernetes;
use std::sync::Arc;
use std::time::Duration;

const ID: &str = "test/token";
const SECRET: &str = "orders/db";
const DEPLOYMENT: &str = "orders/api";

/// The rights of the manual, and no other.
const ROLE: &str = r#"
kind: Role
metadata:
  namespace: orders
rules:
- apiGroups: [""]
  resources: ["secrets"]
  resourceNames: ["db"]
  verbs: ["get", "patch"]
- apiGroups: ["apps"]
  resources: ["deployments"]
  resourceNames: ["api"]
  verbs: ["get", "patch"]
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list"]
"#;

struct Scene {
    project: Project,
    tokens: Tokens,
    cluster: Arc<Kubernetes>,
    old: String,
}

impl Scene {
    /// A token in use: in a file, in a Secret, and in three pods that read the Secret when they started.
    async fn set() -> Self {
        Self::reading("cluster").await
    }

    /// The same with a Deployment that is told of versions in this store.
    async fn reading(reads: &str) -> Self {
        let authority = Authority::make();
        let cluster = Kubernetes::start(&authority, &["orders"]).await;
        let Stored {
            project,
            tokens,
            old,
        } = Stored::new();
        cluster.edit(SECRET, "TOKEN", &old, "kubectl-create");
        cluster.edit(SECRET, "HOST", "example.com", "kubectl-create");
        cluster.run("deployments", DEPLOYMENT, 3, ("db", "TOKEN"));
        cluster.settle();
        project.write("k8s/token", &cluster.service_account(ROLE));
        let ca = std::fs::read_to_string(authority.ca_file()).unwrap();
        project.write("k8s/ca.crt", &ca);
        let environment = project.read("inventory/test/environment.toml");
        let store = format!(
            "[stores.cluster]\nkind = \"kubernetes\"\naddress = \"{}\"\nca_file = \"k8s/ca.crt\"\n\
             token = {{ file = \"k8s/token\" }}\n",
            cluster.address()
        );
        project.write(
            "inventory/test/environment.toml",
            &format!("{environment}{store}"),
        );
        in_use(&project, &old);
        project.secrets(&format!(
            "[secrets.token]\n{}\npublish_to = [{{ store = \"files\", path = \"orders/token\" }},\n\
             {{ store = \"cluster\", path = \"{SECRET}\", field = \"TOKEN\" }}]\n\
             [secrets.token.consumers.api]\nreads = \"{reads}\"\nproof = \"restarted\"\n\
             workload = {{ kubernetes = \"orders/deployment/api\" }}\n",
            Tokens::ISSUER
        ));
        project.prepared();
        Self {
            project,
            tokens,
            cluster: Arc::new(cluster),
            old,
        }
    }
}

/// How many pods hold this value, and how many there are.
fn pods_on(cluster: &Kubernetes, value: &str) -> (usize, usize) {
    let held = cluster.held(DEPLOYMENT);
    (
        held.values().filter(|one| *one == value).count(),
        held.len(),
    )
}

/// The value in the main store, as keywheel finds it.
fn in_use(project: &Project, value: &str) {
    served_as(project, 1, value);
}

/// Somebody else has the main store serve this value as that version.
fn served_as(project: &Project, version: u32, value: &str) {
    let version = format!("v{version}.{}", "0".repeat(64));
    project.write(&format!("published/orders/token/{version}"), value);
    let link = project.path("published/orders/token/current");
    drop(std::fs::remove_file(&link));
    std::os::unix::fs::symlink(version, link).unwrap();
}

impl Scene {
    /// What the Deployment was last told.
    fn mark(&self) -> String {
        let told = self.cluster.workload("deployments", DEPLOYMENT);
        let marks = told["spec"]["template"]["metadata"]["annotations"]
            .as_object()
            .unwrap();
        let mut marks = marks.values().map(|mark| mark.as_str().unwrap().to_owned());
        let mark = marks.next().unwrap();
        assert_eq!(marks.next(), None);
        mark
    }
}

/// As where another secret lies in the same document: its rotation makes a new version with our value.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_moved_on_with_our_value_is_still_ours() {
    let scene = Scene::reading("files").await;
    let _rolls = scene.cluster.rolls_every(Duration::from_millis(50));
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    let first = scene.cluster.value(SECRET, "TOKEN").unwrap();
    served_as(&scene.project, 8, &first);
    scene.project.run(&["prove", ID]).succeeded();
    let by_hand = scene.project.run(&["notify", ID, "--consumer", "api"]);
    by_hand.succeeded();
    served_as(&scene.project, 9, &first);
    scene.project.rotated_again(ID).await;
    let second = scene.cluster.value(SECRET, "TOKEN").unwrap();
    assert_ne!(first, second);
    assert_eq!(pods_on(&scene.cluster, &second), (3, 3));
    assert!(scene.tokens.accepts(&second) && !scene.tokens.accepts(&first));
    daemon.stop();
}

/// On its way back a rotation tells of the old version again, and has to be heard.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_a_person_is_none_of_the_rotations() {
    let scene = Scene::set().await;
    let _rolls = scene.cluster.rolls_every(Duration::from_millis(50));
    scene.cluster.breaks(DEPLOYMENT, true);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene
        .project
        .until_phase(ID, keywheel::rotation::phase::Phase::Verifying)
        .await;
    let by_rotation = scene.mark();
    let by_hand = || {
        scene
            .project
            .run(&["notify", ID, "--consumer", "api"])
            .succeeded();
        scene.mark()
    };
    let (once, twice) = (by_hand(), by_hand());
    assert!(once != by_rotation && twice != by_rotation && once != twice);
    let run = scene.project.newest(ID).await.unwrap();
    assert!(by_rotation.contains(run.id.as_str()), "{by_rotation}");
    for mark in [once, twice] {
        assert!(!mark.contains(run.id.as_str()), "{mark}");
    }
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_stuck_keeps_the_old_value_and_goes_back() {
    let scene = Scene::set().await;
    let _rolls = scene.cluster.rolls_every(Duration::from_millis(50));
    scene.cluster.breaks(DEPLOYMENT, true);
    scene.cluster.deadline_passes(DEPLOYMENT);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let says = || scene.project.run(&["show", ID]).succeeded().stdout;
    let end = std::time::Instant::now() + Duration::from_secs(40);
    while !says().contains("ProgressDeadlineExceeded") {
        assert!(std::time::Instant::now() < end, "{}", says());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(scene.tokens.accepts(&scene.old));
    scene
        .project
        .run(&["rollback", ID, "--reason", "the new pods do not start"])
        .succeeded();
    // What kept them from starting was the new value.
    scene.cluster.breaks(DEPLOYMENT, false);
    scene
        .project
        .until_phase(ID, keywheel::rotation::phase::Phase::RolledBack)
        .await;
    assert_eq!(scene.cluster.value(SECRET, "TOKEN").unwrap(), scene.old);
    assert_eq!(pods_on(&scene.cluster, &scene.old), (3, 3));
    assert!(scene.tokens.accepts(&scene.old));
    assert_eq!(scene.tokens.count(), (2, 1));
    daemon.stop();
}
