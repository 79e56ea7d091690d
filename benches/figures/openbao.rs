//! Rotations per second beside OpenBao's static roles: each as many roles of the same server, by turns in one run. A static
//! role is one role whose password is replaced, neither tried nor proven to anybody; so ours are one role in place, and go
//! with tests and proof off.
//!
//! OpenBao keeps its storage on the disk of our journal and is down while ours are rotated. Its audit log is off, as it comes
//! out of the box; ours cannot be.

use super::definitions::path;
use super::fleet::{self, ADMIN, Member, OURS};
use super::ground::{Backend, Ground, disk};
use super::machine::load;
use super::outside::Instant as InstantOutside;
use super::rotations::{Running, ended_since, workers};
use super::untested::Untested;
use super::witness::Witness;
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use keywheel_test_servers::openbao::OpenBao;
use keywheel_test_servers::postgres::Postgres;
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns of each.
const ROUNDS: usize = 5;
/// Our rotations in flight; the issuer makes four calls at once.
const FLIGHT: usize = 16;
/// Clients that ask OpenBao, and its connections to the server.
const CLIENTS: usize = 8;
/// How often OpenBao is to rotate a role: longer than all of them take, so that none is due twice in a turn.
const PERIOD: Duration = Duration::from_secs(60);
/// What the names of its roles begin with.
const THEIRS: &str = "theirs";
/// So many of the passwords that each hands out are tried after its turns.
const TRIED: usize = 10;

/// Runs the cell and prints a line for each round, then one for all.
pub(crate) async fn measure(backend: Backend, count: usize) -> Result<()> {
    let Some(server) = fleet::server() else {
        return Ok(());
    };
    let Some(bao) = OpenBao::lasting_in(&disk()).await else {
        return Ok(());
    };
    let ground = Ground::prepare(&backend).await?;
    let rotator = fleet::admin(&server, ground.folder()).await?;
    for prefix in [OURS, THEIRS] {
        fleet::create(&server, prefix, "", count, &fleet::in_use()).await?;
    }
    let root = ground.folder().join("published");
    let outside = outside(&server, &ground, &root, count).await?;
    let mut theirs = Theirs::enrol(bao, &server, &rotator, count).await;
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        let (by_clock, by_clients) = theirs.turn(&server).await?;
        let ours = turn(&server, &ground, Arc::clone(&outside), count).await?;
        try_ours(&server, &root, count).await?;
        let round = Round {
            ours,
            by_clock,
            by_clients,
        };
        anstream::println!("openbao, round {number}: {round} | load {}", load()?);
        rounds.push(round);
    }
    anstream::println!(
        "openbao, {count} roles each, journal on {}: {} | load {}",
        backend.word(),
        summary(&rounds),
        load()?
    );
    Ok(())
}

/// One turn of each.
struct Round {
    ours: Timed,
    /// Overdue when it is started.
    by_clock: Timed,
    /// Asked for by clients, per second.
    by_clients: f64,
}

/// A run through all roles.
struct Timed {
    /// Seconds until the first role has another password.
    first: f64,
    /// Roles per second.
    rate: f64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ours {:.1} rotations/s, the first after {:.2} s | OpenBao overdue {:.1}/s from its first, which came {:.2} s \
             after it was unsealed; asked by {CLIENTS} clients {:.1}/s",
            self.ours.rate,
            self.ours.first,
            self.by_clock.rate,
            self.by_clock.first,
            self.by_clients
        )
    }
}

/// Least, median and most of all rounds.
fn summary(rounds: &[Round]) -> String {
    let spread = |figure: fn(&Round) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        (all[0], all[all.len() / 2], all[all.len() - 1])
    };
    let shown =
        |(least, median, most): (f64, f64, f64)| format!("{median:.1} ({least:.1} to {most:.1})");
    let ours = spread(|round| round.ours.rate);
    let by_clock = spread(|round| round.by_clock.rate);
    let by_clients = spread(|round| round.by_clients);
    format!(
        "medians of {ROUNDS} rounds in turns: ours {} rotations/s; OpenBao overdue {}, ours {:.2} times that; asked by \
         {CLIENTS} clients {}, ours {:.2} times that",
        shown(ours),
        shown(by_clock),
        ours.1 / by_clock.1,
        shown(by_clients),
        ours.1 / by_clients.1
    )
}

/// Ours are published on the disk, where OpenBao keeps its own.
async fn outside(
    server: &Postgres,
    ground: &Ground,
    root: &Path,
    count: usize,
) -> Result<Arc<InstantOutside>> {
    std::fs::create_dir(root)?;
    let address = server.address();
    let members = (0..count).map(|number| member(ground, &address, number));
    let members = members.collect::<Result<Vec<_>>>()?;
    fleet::seed(ground, root, members).await
}

/// One role in place, with tests and proof off: an issuer that cannot test, and nobody to be proven.
fn member(ground: &Ground, address: &str, number: usize) -> Result<Member> {
    let user = format!("{OURS}_{number}");
    let issuer = fleet::issuer(ground, address, "role", json!(user))?;
    let mut definition = fleet::published(ground, number)?;
    definition.in_place = Some("as a static role is".to_owned());
    definition.consumers.clear();
    definition.no_consumers = Some("a static role has none either".to_owned());
    Ok(Member {
        definition,
        issuer: Arc::new(Untested(issuer)),
        user,
    })
}

/// Ours, from the start of the workers until the last rotation is over.
async fn turn(
    server: &Postgres,
    ground: &Ground,
    outside: Arc<InstantOutside>,
    count: usize,
) -> Result<Timed> {
    let mut witness = Witness::of(server, OURS).await?;
    let since_ms = fleet::ask(&ground.journal, 0..count).await?;
    let workers = workers(ground, outside, FLIGHT)?;
    let start = Instant::now();
    let running = Running::start(workers);
    witness.until(1).await?;
    let first = start.elapsed().as_secs_f64();
    ended_since(&ground.journal, count, since_ms).await?;
    let seconds = start.elapsed().as_secs_f64();
    running.stop().await?;
    witness.until(count).await?;
    Ok(Timed {
        first,
        rate: count as f64 / seconds,
    })
}

/// OpenBao with a static role for each of its roles; it runs in its turn only.
struct Theirs {
    bao: OpenBao,
    count: usize,
    /// When the last of its roles was rotated.
    rotated: Instant,
}

impl Theirs {
    /// Takes the roles over, which rotates each, and ends it.
    async fn enrol(mut bao: OpenBao, server: &Postgres, rotator: &str, count: usize) -> Self {
        // The names in braces are filled in by OpenBao.
        let url = format!(
            "postgresql://{{{{username}}}}:{{{{password}}}}@{}/postgres?sslmode=disable",
            server.address()
        );
        let connection = json!({
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "connection_url": url,
            "username": ADMIN, "password": rotator, "max_open_connections": CLIENTS,
        });
        let engine = json!({ "type": "database" });
        bao.post("sys/mounts/database", engine).await;
        bao.post("database/config/bench", connection).await;
        let period = PERIOD.as_secs();
        each(
            &bao,
            "static-roles",
            count,
            |role| json!({ "db_name": "bench", "username": role, "rotation_period": period }),
        )
        .await;
        bao.kill();
        Self {
            bao,
            count,
            rotated: Instant::now(),
        }
    }

    /// All are overdue when it is started, and rotated by its clock; then clients ask for each once more, per second.
    async fn turn(&mut self, server: &Postgres) -> Result<(Timed, f64)> {
        let due = self.rotated + PERIOD + Duration::from_secs(1);
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
        let mut witness = Witness::of(server, THEIRS).await?;
        self.bao.restart().await;
        self.bao.unseal().await;
        let by_clock = self.by_clock(&mut witness).await?;
        let mut witness = Witness::of(server, THEIRS).await?;
        let start = Instant::now();
        each(&self.bao, "rotate-role", self.count, |_| json!({})).await;
        let by_clients = self.count as f64 / start.elapsed().as_secs_f64();
        self.rotated = Instant::now();
        witness.until(self.count).await?;
        self.try_some(server).await?;
        self.bao.kill();
        Ok((by_clock, by_clients))
    }

    /// The rate counts from the first to the last: its clock ticks every five seconds.
    async fn by_clock(&self, witness: &mut Witness) -> Result<Timed> {
        let start = Instant::now();
        witness.until(1).await?;
        let first = start.elapsed();
        witness.until(self.count).await?;
        let seconds = (start.elapsed() - first).as_secs_f64();
        Ok(Timed {
            first: first.as_secs_f64(),
            rate: self.count.saturating_sub(1) as f64 / seconds,
        })
    }

    /// What it hands out lets in.
    async fn try_some(&self, server: &Postgres) -> Result<()> {
        for number in (0..self.count).step_by(self.count.div_ceil(TRIED)) {
            let role = format!("{THEIRS}_{number}");
            let held = self.bao.get(&format!("database/static-creds/{role}")).await;
            let password = held["password"].as_str().context("it holds no password")?;
            log_in(server, &role, password).await?;
        }
        Ok(())
    }
}

/// The same call for each of its roles, by all clients side by side.
async fn each(bao: &OpenBao, what: &str, count: usize, body: impl Fn(&str) -> Value) {
    let calls = (0..count).map(|number| {
        let role = format!("{THEIRS}_{number}");
        let (path, asked) = (format!("database/{what}/{role}"), body(&role));
        async move { bao.post(&path, asked).await }
    });
    let mut running = futures_util::stream::iter(calls).buffer_unordered(CLIENTS);
    while running.next().await.is_some() {}
}

/// What we published lets in.
async fn try_ours(server: &Postgres, root: &Path, count: usize) -> Result<()> {
    for number in (0..count).step_by(count.div_ceil(TRIED)) {
        let file = root.join(path(number)).join("current/PASSWORD");
        let password = std::fs::read_to_string(file)?;
        log_in(server, &format!("{OURS}_{number}"), &password).await?;
    }
    Ok(())
}

async fn log_in(server: &Postgres, role: &str, password: &str) -> Result<()> {
    let session = server.connect(role, password).await;
    let session = session.with_context(|| format!("{role} was not let in"))?;
    Ok(session.close().await?)
}
