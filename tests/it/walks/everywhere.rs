//! One secret in the stores of five vendors and an env file: all of them serve the new value, or the old one lives.

use crate::project::{Consumer, Project, Tokens};
use crate::servers::vendors::{self, Vendor};
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, State, Status};
use keywheel_contract::{Document, Place, VersionId};
use keywheel_test_servers::faults::Fault;

const ID: &str = "test/token";
const STORES: [(&str, &str); 5] = [
    ("aws", "aws"),
    ("google", "google alias"),
    ("azure", "azure"),
    ("vault", "vault"),
    ("doppler", "doppler"),
];

/// A vendor under the name of its store, and our place there.
struct Published {
    name: &'static str,
    vendor: Vendor,
    place: Place,
}

impl Published {
    async fn start(name: &'static str, vendor: &str) -> Option<Self> {
        let vendor = vendors::start(vendor).await?;
        let place = Place {
            path: (vendor.place)("app-token"),
            fields: vec!["TOKEN".to_owned()],
            selector: None,
        };
        Some(Self {
            name,
            vendor,
            place,
        })
    }

    fn lines(&self) -> String {
        let mut options = self.vendor.options.clone();
        options["kind"] = self.vendor.kind.into();
        let options: toml::Table = serde_json::from_value(options).unwrap();
        let stores = [(self.name.to_owned(), toml::Value::Table(options))];
        let stores = toml::Value::Table(stores.into_iter().collect());
        let all = toml::Table::from_iter([("stores".to_owned(), stores)]);
        toml::to_string(&all).unwrap()
    }

    /// What consumers of this store are given.
    async fn shows(&self) -> Option<String> {
        let store = self.vendor.store();
        let current: VersionId = store.inspect(&self.place).await.unwrap().current?;
        match store.read(&self.place, &current).await.unwrap() {
            Document::Fields(fields) => {
                let text = fields.field("TOKEN")?.expose_secret_str()?;
                Some(text.to_owned())
            }
            Document::Whole(_) => None,
        }
    }
}

async fn everywhere() -> Option<Vec<Published>> {
    let mut all = Vec::new();
    for (name, vendor) in STORES {
        all.push(Published::start(name, vendor).await?);
    }
    Some(all)
}

fn enter(project: &Project, all: &[Published], app: &Consumer) {
    let mut environment = project.read("inventory/test/environment.toml");
    let mut places = String::from("{ store = \"env\", path = \"app.env\", field = \"TOKEN\" },\n");
    for one in all {
        environment.push_str(&format!("\n{}", one.lines()));
        let (name, path) = (one.name, &one.place.path);
        places.push_str(&format!(
            "{{ store = \"{name}\", path = \"{path}\", field = \"TOKEN\" }},\n"
        ));
    }
    project.write("inventory/test/environment.toml", &environment);
    project.secrets(&format!(
        "[secrets.token]\n{}\npublish_to = [\n{places}]\n[secrets.token.consumers.app]\n{}",
        Tokens::ISSUER,
        app.lines()
    ));
    project.prepared();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_store_that_is_down_keeps_the_old_value_alive_everywhere() {
    let Some(all) = everywhere().await else {
        return;
    };
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    let old = tokens.mint("example");
    project.write("app/app.env", &format!("TOKEN={old}\n"));
    let app = Consumer::start(&project, "token", "app", "app.env", "TOKEN", &[]);
    enter(&project, &all, &app);
    let online = project.run(&["check", "--online"]).succeeded();
    online.says(&[
        "store aws",
        "store azure",
        "store doppler",
        "store google",
        "store vault",
    ]);

    let azure = all.iter().find(|one| one.name == "azure").unwrap();
    let faults = azure.vendor.faults.as_ref().unwrap();
    let mut daemon = project.daemon_with(&["--lease-ms", "3000", "--die-at", "mint::recorded"]);
    project.run(&["rotate-now", ID]).succeeded();
    daemon.ended_within(crate::project::PATIENCE);
    faults.next(usize::MAX, Fault::Refuse(503, None), |_| true);
    let daemon = project.daemon();
    let stuck = project.until(ID, "stuck at azure", |run| {
        let waits = run
            .waiting
            .iter()
            .any(|waiting| waiting.name.contains("azure:"));
        run.phase == Phase::Publishing && (waits || run.state == State::Blocked)
    });
    stuck.await;
    project
        .run(&["status"])
        .succeeded()
        .says(&["azure:app-token"]);
    assert!(tokens.accepts(&old), "the old token was ended");
    let others = all.iter().filter(|one| one.name != "azure");
    for one in others {
        assert_ne!(
            one.shows().await.as_deref(),
            Some(old.as_str()),
            "{}",
            one.name
        );
    }

    faults.clear();
    project.retry(ID).await;
    let run = project.until_completed(ID).await;
    let new = project.env_value("app.env", "TOKEN").unwrap();
    for one in &all {
        assert_eq!(
            one.shows().await.as_deref(),
            Some(new.as_str()),
            "{}",
            one.name
        );
    }
    assert!(tokens.accepts(&new) && !tokens.accepts(&old));
    each_was_written_once_but_azure(&project, &run).await;
    project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}

async fn each_was_written_once_but_azure(project: &Project, run: &Run) {
    let effects = project.effects(run).await;
    let tries = |target: &str| {
        let published = effects.iter().filter(|e| e.kind == Kind::Publish);
        published.filter(|e| e.target.starts_with(target)).count()
    };
    assert_eq!(
        (tries("aws:"), tries("google:"), tries("doppler:")),
        (1, 1, 1)
    );
    assert!(tries("azure:") > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn being_told_to_slow_down_is_no_failure() {
    let doppler = Published::start("doppler", "doppler").await.unwrap();
    let project = Project::with_config(&Tokens::config());
    let tokens = Tokens::of(&project);
    let old = tokens.mint("example");
    project.write("app/app.env", &format!("TOKEN={old}\n"));
    let app = Consumer::start(&project, "token", "app", "app.env", "TOKEN", &[]);
    let all = [doppler];
    enter(&project, &all, &app);
    let faults = all[0].vendor.faults.as_ref().unwrap();
    // More often than anything else is tried before a person is asked.
    faults.next(10, Fault::Refuse(429, Some(1)), |_| true);
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    let run = project.until_completed(ID).await;
    assert_eq!(faults.met().len(), 10);
    let failed = project.effects(&run).await;
    let failed = failed.iter().filter(|e| e.status == Status::Failed);
    assert!(failed.clone().all(|e| e.word == "throttled"));
    assert!(!tokens.accepts(&old));
    project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}
