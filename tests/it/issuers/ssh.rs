//! Whole rotations of an SSH key that a person made, at a real OpenSSH server, with `ssh` and `git` as the witnesses.

use super::holder::Holder;
use crate::project::{PATIENCE, Project, show};
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::sshd::Sshd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinHandle;

const ID: &str = "test/mirror";
const KEY: &str = "id_ed25519";
/// Lines of other people, around the one that is replaced.
const BEFORE: &str = "# the team\nrestrict ssh-ed25519 \
                      AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bob@example\n";
const AFTER: &str = "\n# nothing below\n";

struct Scene {
    project: Project,
    server: Arc<Sshd>,
    service: Arc<Holder>,
    old: String,
}

impl Scene {
    /// An account whose one login of ours lies in a folder that a running service reads.
    async fn set() -> Option<Self> {
        let server = Sshd::start().await?;
        let project = Project::new();
        let (old, public) = generated(&project);
        let keys = format!("{BEFORE}no-pty {public}\n{AFTER}");
        std::fs::write(server.authorized_keys(), keys).unwrap();
        let service = Holder::start(&project, "mirror", &[(KEY, &old)], KEY).await;
        project.secrets(&format!(
            "[secrets.mirror]\n\
             issuer = {{ kind = \"ssh-key\", authorized_keys = \"{}\", server = \"{}\", user = \"{}\", \
             host_keys = [\"{}\"], line_options = \"no-pty\" }}\n\
             publish_to = [{{ store = \"files\", path = \"mirror\", fields = {{ {KEY} = \"{{private_key}}\" }} }}]\n\
             [secrets.mirror.consumers.app]\n{}",
            server.authorized_keys().display(),
            server.address(),
            server.user(),
            server.host_key(),
            service.lines()
        ));
        project.prepared();
        let server = Arc::new(server);
        Some(Self {
            project,
            server,
            service,
            old,
        })
    }

    fn published(&self) -> String {
        self.project
            .read(&format!("published/mirror/current/{KEY}"))
    }

    /// The new key alone works and is what is published; lines of others are as they were; nothing leaked.
    async fn is_rotated(&self) {
        let new = self.published();
        assert_eq!(*self.service.held().await[KEY], new);
        assert!(self.server.accepts(&new) && !self.server.accepts(&self.old));
        let keys = self.server.keys();
        let ours = keys.strip_prefix(&format!("{BEFORE}{AFTER}"));
        let ours = ours.unwrap_or_else(|| panic!("{keys}"));
        assert!(ours.starts_with("no-pty ssh-ed25519 ") && ours.lines().count() == 1);
        let secret = |key: &str| key.lines().nth(2).unwrap().to_owned();
        let leaks = self.project.leaks(&[&secret(&self.old), &secret(&new)]);
        assert_eq!(leaks, Vec::<String>::new());
        self.project.run(&["audit", "verify"]).succeeded();
    }
}

/// A key made by `ssh-keygen`, and its public line.
fn generated(project: &Project) -> (String, String) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "alice@example", "-f"])
        .arg(project.path("app/key"))
        .status();
    assert!(made.unwrap().success());
    let public = project.read("app/key.pub").trim().to_owned();
    (project.read("app/key"), public)
}

/// Clones a repository through the server again and again, with what the service holds.
struct Clones {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
    running: JoinHandle<Vec<Result<String, String>>>,
}

impl Clones {
    fn of(scene: &Scene, repository: PathBuf) -> Self {
        let (stop, made) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (server, service) = (Arc::clone(&scene.server), Arc::clone(&scene.service));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&made));
        let running = tokio::spawn(async move {
            let mut told = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let held = service.held().await;
                let (key, server, from) =
                    (held[KEY].clone(), Arc::clone(&server), repository.clone());
                let cloned =
                    tokio::task::spawn_blocking(move || server.cloned(&from, &key).map(|_| key));
                told.push(cloned.await.unwrap());
                drop(held);
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            told
        });
        Self {
            stop,
            made,
            running,
        }
    }

    /// Waits for one that began after this was asked.
    async fn one_more(&self) {
        let before = self.made.load(Ordering::Relaxed);
        while self.made.load(Ordering::Relaxed) < before + 2 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn stopped(self) -> Vec<Result<String, String>> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

fn repository(folder: &Path) -> PathBuf {
    let path = folder.join("repository");
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(ran.unwrap().success());
    };
    let at = path.to_str().unwrap();
    git(&["init", "--quiet", at]);
    let who = ["-c", "user.name=a", "-c", "user.email=a@example"];
    git(&[
        &["-C", at][..],
        &who,
        &["commit", "--quiet", "--allow-empty", "-m", "a"],
    ]
    .concat());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_while_git_clones_with_it() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let clones = Clones::of(&scene, repository(folder.path()));
    let daemon = scene.project.daemon();
    for _ in 0..3 {
        scene.project.rotated_again(ID).await;
        clones.one_more().await;
    }
    daemon.stop();
    let told = clones.stopped().await;
    let failed: Vec<_> = told.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let mut keys: Vec<_> = told.iter().flatten().collect();
    keys.dedup();
    show(format!(
        "git clones over SSH during 3 rotations of its key: {}, failed: 0, keys used: {}",
        told.len(),
        keys.len()
    ));
    assert_eq!(keys.len(), 4);
    scene.is_rotated().await;
}

// The service answers while this waits for processes.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_the_old_key_and_its_line_alone() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let before = scene.server.keys();
    let timing = "timing = { overlap = \"1h\" }\n[secrets.mirror.consumers.app]";
    let team = scene.project.read("inventory/test/team.toml");
    let team = team.replace("[secrets.mirror.consumers.app]", timing);
    scene.project.secrets(&team);
    scene.project.run(&["inventory", "apply"]).succeeded();
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Overlapping).await;
    let new = scene.published();
    assert!(scene.server.accepts(&new) && scene.server.accepts(&scene.old));
    let back = ["rollback", ID, "--reason", "example"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), scene.old);
    assert!(!scene.server.accepts(&new) && scene.server.accepts(&scene.old));
    assert_eq!(scene.server.keys(), before);
    daemon.stop();
}

// The service answers while this waits for processes.
#[tokio::test(flavor = "multi_thread")]
async fn dying_between_the_change_and_its_record_leaves_one_key() {
    for place in [
        "apply:*:applied",
        "disable_credential:*:applied",
        "revoke:*:applied",
    ] {
        let Some(scene) = Scene::set().await else {
            return;
        };
        let dying = ["--lease-ms", "3000", "--die-at", place];
        let mut daemon = scene.project.daemon_with(&dying);
        scene.project.run(&["rotate-now", ID]).succeeded();
        daemon.ended_within(PATIENCE);
        let daemon = scene.project.daemon();
        scene.project.until_completed(ID).await;
        scene.is_rotated().await;
        daemon.stop();
    }
}
