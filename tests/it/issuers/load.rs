//! A load of real clients that log in again and again, with what their consumer holds, while the credential is rotated
//! many times: not one login fails, and at the end of each rotation the credential before it is refused.

use crate::project::{PATIENCE, Project, show};
use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use keywheel::journal::rotations::Run;
use keywheel::rotation::phase::Phase;
use keywheel_contract::SecretValue;
use keywheel_contract::handshake::{Statement, prove};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinSet;

/// A credential as its consumer reads it: keys of a `.env` file with their values.
pub(crate) type Held = BTreeMap<String, String>;

/// The system that the clients log in to.
#[async_trait]
pub(crate) trait Door: Send + Sync + 'static {
    /// One login over a connection of its own, and something asked over it.
    ///
    /// # Errors
    /// It was not let in, and what was said.
    async fn log_in(&self, held: &Held) -> Result<(), String>;
}

/// One secret of the load.
pub(crate) struct Guarded {
    /// Its name in the inventory, such as `app-1`.
    pub(crate) name: String,
    /// `issuer = …` of its entry, in one line.
    pub(crate) issuer: String,
    /// What it is before the first rotation.
    pub(crate) old: Held,
}

/// A load.
pub(crate) struct Load {
    /// What the table is called.
    pub(crate) title: &'static str,
    /// Keys of the `.env` file, each with the template that fills it: `("DB_USER", "{user}")`.
    pub(crate) fields: &'static [(&'static str, &'static str)],
    /// The key whose value the consumer proves: not the name of an account.
    pub(crate) proof: &'static str,
    /// Secrets rotated side by side.
    pub(crate) secrets: Vec<Guarded>,
    /// Rotations of each.
    pub(crate) rounds: usize,
    /// Clients of each.
    pub(crate) clients: usize,
    /// Between two logins of one client.
    pub(crate) pause: Duration,
    /// What they log in to.
    pub(crate) door: Arc<dyn Door>,
    /// Words of the server itself to whom it does not let in, one of which any other trouble has not.
    pub(crate) refusals: &'static [&'static str],
    /// More lines for `keywheel.toml`.
    pub(crate) config: String,
    /// Files for the project's folder, by name: the admin's credential.
    pub(crate) files: Vec<(String, String)>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) title: &'static str,
    pub(crate) rotations: usize,
    pub(crate) logins: usize,
    /// Logins that were refused or went wrong, and tries of old credentials that ended in anything but a refusal, with what
    /// was said.
    pub(crate) failed: Vec<String>,
    /// Different credentials that clients logged in with.
    pub(crate) used: usize,
    /// Credentials of which the end was tried, and how many of them were refused.
    pub(crate) ended: usize,
    pub(crate) refused: usize,
    pub(crate) took: Duration,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| issuer | rotations | logins | failed logins | credentials logged in with | old ones refused | seconds |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        writeln!(
            f,
            "| {} | {} | {} | {} | {} | {} of {} | {} |",
            self.title,
            self.rotations,
            self.logins,
            self.failed.len(),
            self.used,
            self.refused,
            self.ended,
            self.took.as_secs()
        )
    }
}

impl Told {
    /// Insists that nobody missed anything: no login failed, every credential that ever was current was logged in
    /// with (so the clients did move over each time), and every old one is refused.
    pub(crate) fn misses_nothing(&self, rotations: usize, secrets: usize) {
        println!("{self}");
        show(format!(
            "load with {}: {} rotations, {} logins, {} failed, {} of {} old ones refused, {} s",
            self.title,
            self.rotations,
            self.logins,
            self.failed.len(),
            self.refused,
            self.ended,
            self.took.as_secs()
        ));
        assert_eq!(self.failed, Vec::<String>::new());
        assert_eq!(self.rotations, rotations);
        assert_eq!((self.ended, self.refused), (rotations, rotations));
        assert_eq!(
            self.used,
            rotations + secrets,
            "some credential was not used"
        );
        assert!(self.logins > self.used, "the clients hardly logged in");
    }
}

impl Load {
    /// Rotates every secret as often as asked, under load.
    pub(crate) async fn run(self) -> Told {
        let load = Arc::new(self);
        let project = load.project();
        let mut consumers = Vec::new();
        for secret in &load.secrets {
            let file = project.path(&format!("app/{}.env", secret.name));
            consumers.push(Consumer::start(&load, secret, file).await);
        }
        load.entries(&project, &consumers);
        let daemon = project.daemon_with(&[]);
        let clients = Clients::of(&load, &consumers);
        let began = Instant::now();
        let mut told = Told {
            title: load.title,
            ..Told::default()
        };
        for _ in 0..load.rounds {
            load.round(&project, &consumers, &mut told).await;
        }
        told.took = began.elapsed();
        clients.stop(&mut told).await;
        daemon.stop();
        told
    }

    fn project(&self) -> Project {
        let project = Project::with_config(&self.config);
        for (name, text) in &self.files {
            project.write(name, text);
        }
        for secret in &self.secrets {
            let lines = secret
                .old
                .iter()
                .map(|(key, value)| format!("{key}={value}\n"));
            project.write(
                &format!("app/{}.env", secret.name),
                &lines.collect::<String>(),
            );
        }
        project
    }

    fn entries(&self, project: &Project, consumers: &[Arc<Consumer>]) {
        let fields = self
            .fields
            .iter()
            .map(|(key, template)| format!("{key} = \"{template}\""));
        let fields = fields.collect::<Vec<_>>().join(", ");
        let entry = |(secret, consumer): (&Guarded, &Arc<Consumer>)| {
            let (name, issuer, at, proof) =
                (&secret.name, &secret.issuer, &consumer.address, self.proof);
            format!(
                "[secrets.{name}]\n{issuer}\n\
                 publish_to = [{{ store = \"env\", path = \"{name}.env\", fields = {{ {fields} }}, proof_field = \"{proof}\" }}]\n\
                 [secrets.{name}.consumers.app]\nnotify = {{ http = \"{at}/-/reload\" }}\n\
                 verify = {{ http = \"{at}/.well-known/keywheel\" }}\n"
            )
        };
        let entries = self.secrets.iter().zip(consumers).map(entry);
        project.secrets(&entries.collect::<String>());
        project.prepared();
    }

    /// One rotation of every secret, side by side; then the credentials before are tried.
    async fn round(&self, project: &Project, consumers: &[Arc<Consumer>], told: &mut Told) {
        let mut before = Vec::new();
        for consumer in consumers {
            let run = project.newest(&consumer.id).await;
            before.push((consumer.held.read().await.clone(), run.map(|run| run.id)));
        }
        let asked = ["rotate-now", "test/*", "--yes", "--reason", "example"];
        project.run(&asked).succeeded();
        for (consumer, (old, run)) in consumers.iter().zip(before) {
            let done =
                |newest: &Run| Some(&newest.id) != run.as_ref() && newest.phase == Phase::Completed;
            until(project, &consumer.id, done).await;
            told.rotations += 1;
            told.ended += 1;
            match self.door.log_in(&old).await {
                Err(said) if is_refusal(self.refusals, &said) => told.refused += 1,
                Err(said) => told
                    .failed
                    .push(format!("the old one of {}: {said}", consumer.id)),
                Ok(()) => {}
            }
            consumer.was_used().await;
        }
    }
}

/// Whether the server did not let in, and said so itself: a connection that broke is no end of a credential.
fn is_refusal(words: &[&str], said: &str) -> bool {
    words.iter().any(|words| said.contains(words))
}

/// Under load, a rotation takes as long as its processes are given.
async fn until(project: &Project, id: &str, done: impl Fn(&Run) -> bool) {
    let end = Instant::now() + 4 * PATIENCE;
    while !project.newest(id).await.as_ref().is_some_and(&done) {
        assert!(Instant::now() < end, "{id} did not complete");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A service that reads its credential when it is told, and has its clients log in with what it holds.
struct Consumer {
    id: String,
    name: String,
    proof: &'static str,
    file: std::path::PathBuf,
    address: String,
    /// Held for reading during each login, so that the service says it moved only when the last login with the one
    /// before is over.
    held: RwLock<Held>,
    /// Everything that clients logged in with.
    used: Mutex<BTreeSet<Held>>,
}

impl Consumer {
    async fn start(load: &Load, secret: &Guarded, file: std::path::PathBuf) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let consumer = Arc::new(Self {
            id: format!("test/{}", secret.name),
            name: secret.name.clone(),
            proof: load.proof,
            file,
            address: format!("http://{}", listener.local_addr().unwrap()),
            held: RwLock::new(secret.old.clone()),
            used: Mutex::default(),
        });
        let router = Router::new()
            .route("/-/reload", post(reload))
            .route("/.well-known/keywheel", post(answer))
            .with_state(Arc::clone(&consumer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        consumer
    }

    /// Waits until a client has logged in with what it holds now.
    async fn was_used(&self) {
        let end = Instant::now() + 4 * PATIENCE;
        loop {
            let held = self.held.read().await.clone();
            if self.used.lock().await.contains(&held) {
                return;
            }
            assert!(Instant::now() < end, "no client of {} logs in", self.id);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn reload(State(consumer): State<Arc<Consumer>>) -> StatusCode {
    let text = tokio::fs::read_to_string(&consumer.file).await.unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let plain = |value: &str| value.trim_matches(['\'', '"'].as_slice()).to_owned();
    let held = pairs.map(|(key, value)| (key.to_owned(), plain(value)));
    *consumer.held.write().await = held.collect();
    StatusCode::NO_CONTENT
}

async fn answer(State(consumer): State<Arc<Consumer>>, Json(asked): Json<Value>) -> Json<Value> {
    let held = consumer.held.read().await;
    let value = SecretValue::from(held[consumer.proof].clone());
    let text = |key: &str| asked[key].as_str().unwrap();
    let statement = Statement {
        id: text("id"),
        destination: text("destination"),
        consumer: text("consumer"),
        instance: &consumer.name,
        challenge: text("challenge"),
    };
    Json(json!({
        "id": statement.id, "destination": statement.destination, "instance": statement.instance,
        "proof": prove(&value, &statement),
    }))
}

/// The clients of all consumers.
struct Clients {
    stop: Arc<AtomicBool>,
    logins: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    running: JoinSet<()>,
    consumers: Vec<Arc<Consumer>>,
}

impl Clients {
    fn of(load: &Arc<Load>, consumers: &[Arc<Consumer>]) -> Self {
        let mut clients = Self {
            stop: Arc::default(),
            logins: Arc::default(),
            failed: Arc::default(),
            running: JoinSet::new(),
            consumers: consumers.to_vec(),
        };
        for consumer in consumers {
            for _ in 0..load.clients {
                clients.start(load, consumer);
            }
        }
        clients
    }

    fn start(&mut self, load: &Arc<Load>, consumer: &Arc<Consumer>) {
        let (load, consumer) = (Arc::clone(load), Arc::clone(consumer));
        let (stop, logins, failed) = (
            Arc::clone(&self.stop),
            Arc::clone(&self.logins),
            Arc::clone(&self.failed),
        );
        self.running.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let held = consumer.held.read().await;
                let answer = load.door.log_in(&held).await;
                logins.fetch_add(1, Ordering::Relaxed);
                match answer {
                    Ok(()) => drop(consumer.used.lock().await.insert(held.clone())),
                    Err(said) => failed.lock().await.push(format!("{}: {said}", consumer.id)),
                }
                drop(held);
                tokio::time::sleep(load.pause).await;
            }
        });
    }

    async fn stop(mut self, told: &mut Told) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        told.logins = self.logins.load(Ordering::Relaxed);
        told.failed.append(&mut *self.failed.lock().await);
        for consumer in &self.consumers {
            told.used += consumer.used.lock().await.len();
        }
    }
}

#[test]
fn trouble_on_the_way_is_no_refusal() {
    let refusals = ["ERROR 1045", "ERROR 4151"];
    for (said, is) in [
        ("ERROR 1045 (28000): Access denied for user 'one'", true),
        ("ERROR 2002 (HY000): Can't connect to server (111)", false),
        ("ERROR 1040 (08004): Too many connections", false),
        ("", false),
    ] {
        assert_eq!(is_refusal(&refusals, said), is, "{said}");
    }
}
