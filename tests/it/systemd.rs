//! Whole rotations with a service of a real systemd as the consumer: it reads a file when it starts, and then never again.

use crate::project::stored::Stored;
use crate::project::{Daemon, Project, Ran, Tokens};
use keywheel::rotation::phase::Phase;
use keywheel_test_servers::systemd::Systemd;
use std::time::{Duration, Instant};

const ID: &str = "test/token";
const UNIT: &str = "orders.service";

struct Scene {
    project: Project,
    tokens: Tokens,
    systemd: Systemd,
    old: String,
}

impl Scene {
    /// A token in a file, and a service that read it when it started; `None` where there is no systemd.
    fn set() -> Option<Self> {
        let systemd = Systemd::start()?;
        let Stored {
            project,
            tokens,
            old,
        } = Stored::new();
        let config = project.read("keywheel.toml");
        let units = format!("units = {{ test = [\"{UNIT}\"] }}\n");
        project.write("keywheel.toml", &format!("{units}{config}"));
        in_use(&project, &old);
        systemd.run(UNIT, &service(&project));
        project.secrets(&format!(
            "[secrets.token]\n{}\npublish_to = [{{ store = \"files\", path = \"orders/token\" }}]\n\
             [secrets.token.consumers.orders]\nproof = \"restarted\"\nsystemd = {{ restart = \"{UNIT}\" }}\n",
            Tokens::ISSUER
        ));
        project.prepared();
        Some(Self {
            project,
            tokens,
            systemd,
            old,
        })
    }

    fn daemon(&self) -> Daemon {
        let mut command = self.project.command(&["daemon", "--lease-ms", "3000"]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.systemd.bus());
        let daemon = self.project.daemon_by(command);
        daemon.until_log("keywheel is running");
        daemon
    }

    /// A command that looks at the service by itself.
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.project.command(arguments);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.systemd.bus());
        Ran::of(command)
    }

    /// What the service holds in memory: what it read when it started.
    fn held(&self) -> String {
        let text = std::fs::read_to_string(self.project.path("held"));
        text.unwrap_or_default()
    }

    fn published(&self) -> String {
        self.project.read("published/orders/token/current")
    }

    /// Waits until the screen of the secret says this.
    async fn until_shown(&self, words: &str) {
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            let shown = self.project.run(&["show", ID]).succeeded().stdout;
            if shown.contains(words) {
                return;
            }
            assert!(Instant::now() < end, "{shown}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// It keeps what it reads at its start, and does not run without `may-run`.
fn service(project: &Project) -> String {
    let folder = project.folder().display();
    project.write("may-run", "");
    format!(
        "ExecStart=sh -c 'cat {folder}/published/orders/token/current >{folder}/held && test -e {folder}/may-run \
         && exec sleep infinity'"
    )
}

/// The value in the main store, as keywheel finds it.
fn in_use(project: &Project, value: &str) {
    let version = format!("v1.{}", "0".repeat(64));
    project.write(&format!("published/orders/token/{version}"), value);
    let link = project.path("published/orders/token/current");
    std::os::unix::fs::symlink(version, link).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_restarted_and_the_old_one_ends_after_that() {
    let Some(scene) = Scene::set() else { return };
    let online = scene.run(&["check", "--online"]).succeeded();
    online.says(&["systemd, for test, workload orders.service", "manage-units"]);
    let daemon = scene.daemon();
    let before = scene.systemd.shows(UNIT, "MainPID");
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Completed).await;
    let new = scene.held();
    assert_ne!(new, scene.old);
    assert_eq!(new, scene.published());
    assert_ne!(scene.systemd.shows(UNIT, "MainPID"), before);
    assert!(scene.tokens.accepts(&new) && !scene.tokens.accepts(&scene.old));
    assert_eq!(scene.tokens.count(), (2, 1));
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_come_up_keeps_the_old_value_and_goes_back_to_it() {
    let Some(scene) = Scene::set() else { return };
    std::fs::remove_file(scene.project.path("may-run")).unwrap();
    let daemon = scene.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.until_shown("orders.service failed").await;
    assert!(scene.tokens.accepts(&scene.old));
    scene.project.write("may-run", "");
    scene
        .project
        .run(&["rollback", ID, "--reason", "it does not start"])
        .succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    assert_eq!(scene.published(), scene.old);
    assert_eq!(scene.held(), scene.old);
    assert!(scene.tokens.accepts(&scene.old));
    assert_eq!(scene.tokens.count(), (2, 1));
    daemon.stop();
}

/// What `keywheel.toml` allowed when a plan was made counts no more than what it allows today.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_allowed_is_left_alone() {
    let Some(scene) = Scene::set() else { return };
    let before = scene.systemd.shows(UNIT, "MainPID");
    let config = scene.project.read("keywheel.toml");
    let config = config.replace(UNIT, "another.service");
    scene.project.write("keywheel.toml", &config);
    let check = scene.run(&["check"]).ended(78);
    check.says(&[
        "unit `orders.service` is not allowed for `test`",
        "`units.test`",
    ]);
    let told = scene.run(&["notify", ID, "--consumer", "orders"]);
    assert_ne!(told.code, 0);
    told.says(&["not allowed for `test`"]);
    assert_eq!(scene.systemd.shows(UNIT, "MainPID"), before);
}
