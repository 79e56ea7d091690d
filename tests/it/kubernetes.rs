//! Whole rotations with a Secret of a cluster as the second destination, and a Deployment that reads it as the consumer.

use crate::project::stored::Stored;
use crate::project::{Project, Tokens};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::kubernetes::Kubernetes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
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

    /// Rotates while controllers roll the pods step by step. At no moment is a value refused that a pod still holds.
    async fn rotates_from(&self, old: &str) -> String {
        let watch = Watch::start(self, old);
        // The rotation before may be completed too: it is this one that is waited for.
        let asked = ["rotate-now", ID, "--wait"];
        self.project.run(&asked).succeeded();
        let (violations, mixed) = watch.stop();
        assert_eq!(violations, 0);
        assert!(
            mixed > 0,
            "nobody looked while old and new ran side by side"
        );
        let new = self.cluster.value(SECRET, "TOKEN").unwrap();
        assert!(!self.tokens.accepts(old) && self.tokens.accepts(&new));
        assert_eq!(
            (
                pods_on(&self.cluster, &new).0,
                pods_on(&self.cluster, old).0
            ),
            (3, 0)
        );
        assert_eq!(self.project.read("published/orders/token/current"), new);
        new
    }
}

/// Two who look again and again: whether the old value works, and which pods hold it.
struct Watch {
    done: Arc<AtomicBool>,
    pods: JoinHandle<usize>,
    refusals: JoinHandle<usize>,
}

impl Watch {
    fn start(scene: &Scene, old: &str) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (ends, cluster, value) = (
            Arc::clone(&done),
            Arc::clone(&scene.cluster),
            old.to_owned(),
        );
        let pods = std::thread::spawn(move || {
            let mut mixed = 0;
            while !ends.load(Ordering::Relaxed) {
                let (on_old, all) = pods_on(&cluster, &value);
                mixed += usize::from(on_old > 0 && on_old < all);
                std::thread::sleep(Duration::from_millis(20));
            }
            mixed
        });
        let (ends, cluster, value) = (
            Arc::clone(&done),
            Arc::clone(&scene.cluster),
            old.to_owned(),
        );
        let tokens = Tokens::of(&scene.project);
        let refusals = std::thread::spawn(move || {
            let mut violations = 0;
            while !ends.load(Ordering::Relaxed) {
                // What is refused now was refused before pods are looked at.
                let refused = !tokens.accepts(&value);
                violations += usize::from(refused && pods_on(&cluster, &value).0 > 0);
            }
            violations
        });
        Self {
            done,
            pods,
            refusals,
        }
    }

    /// How often a pod held what is refused, and how often old and new ran side by side.
    fn stop(self) -> (usize, usize) {
        self.done.store(true, Ordering::Relaxed);
        (self.refusals.join().unwrap(), self.pods.join().unwrap())
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

/// The other secret of the document is written between our write and the look at it.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_moved_on_at_once_still_shows_what_was_written() {
    let scene = Scene::reading("files").await;
    let _rolls = scene.cluster.rolls_every(Duration::from_millis(50));
    let folder = scene.project.path("published/orders/token");
    let (link, before) = (folder.join("current"), scene.old.clone());
    let other = std::thread::spawn(move || {
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while std::time::Instant::now() < end {
            let value = std::fs::read_to_string(&link).unwrap();
            if value != before {
                let next = format!("v9.{}", "0".repeat(64));
                std::fs::write(folder.join(&next), value).unwrap();
                std::os::unix::fs::symlink(next, folder.join("swap")).unwrap();
                std::fs::rename(folder.join("swap"), &link).unwrap();
                return true;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        false
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_completed(ID).await;
    assert!(other.join().unwrap());
    let new = scene.cluster.value(SECRET, "TOKEN").unwrap();
    assert_eq!(pods_on(&scene.cluster, &new), (3, 3));
    assert!(scene.tokens.accepts(&new) && !scene.tokens.accepts(&scene.old));
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
async fn pods_roll_before_the_old_value_ends_though_each_first_answer_to_a_write_is_lost() {
    let scene = Scene::set().await;
    let online = scene.project.run(&["check", "--online"]).succeeded();
    online.says(&[
        "resourceNames: [\"db\"]",
        "permission to patch: orders/db: the cluster grants it",
        "workload orders/deployment/api",
        "permission to list pods: orders/deployment/api: the cluster grants it",
    ]);
    let _rolls = scene.cluster.rolls_every(Duration::from_millis(400));
    scene
        .cluster
        .faults()
        .lose_every_first_reply(|asked| asked.writes());
    let daemon = scene.project.daemon();
    let second = scene.rotates_from(&scene.old).await;
    let third = scene.rotates_from(&second).await;
    assert_eq!(scene.tokens.count(), (3, 1));
    // For each rotation the Secret once and the Deployment once; neither was written twice.
    let met = scene.cluster.faults().met();
    assert_eq!(met.len(), 4, "{met:?}");
    assert_eq!(scene.cluster.writes(SECRET), 2 + 2);
    assert_eq!(scene.cluster.value(SECRET, "HOST").unwrap(), "example.com");
    assert_eq!(scene.cluster.owners(SECRET, "TOKEN"), ["keywheel Apply"]);
    let told = scene.cluster.workload("deployments", DEPLOYMENT);
    assert_eq!(told["metadata"]["generation"], 3);
    let leaks = scene.project.leaks(&[&scene.old, &second, &third]);
    assert_eq!(leaks, Vec::<String>::new());
    scene.project.audit(ID).await;
    daemon.stop();
    scene.project.run(&["audit", "verify"]).succeeded();
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
    assert_eq!(pods_on(&scene.cluster, &scene.old).0, 3);
    assert!(scene.tokens.accepts(&scene.old));
    assert_eq!(scene.tokens.count(), (2, 1));
    daemon.stop();
}
