//! The first rotation after a start: the real program, with every test on, finds all roles of PostgreSQL overdue.

use super::fleet::{self, ADMIN, ADMIN_FILE, OURS};
use super::folder::Folder;
use super::ground::Backend;
use super::machine::{Memory, load};
use super::program::{Daemon, run};
use super::rotations::ended_since;
use super::witness::Witness;
use anyhow::{Result, ensure};
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, Tx};
use keywheel_test_servers::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;

/// Runs the cell and prints its line.
pub(crate) async fn measure(backend: Backend, count: usize) -> Result<()> {
    let Some(server) = fleet::server() else {
        return Ok(());
    };
    for turn in ["_a", "_b"] {
        fleet::create(&server, OURS, turn, count, "NOLOGIN").await?;
    }
    let folder = Folder::with_team(&backend, &team(&server, count)).await?;
    fleet::admin(&server, folder.path()).await?;
    run(folder.path(), &["init", "--bare"])?;
    run(folder.path(), &["inventory", "apply"])?;
    let address = Address::parse(&folder.url, folder.path())?;
    let journal = Journal::open(address, Arc::new(SystemClock)).await?;
    // The first time there is nothing to end yet: each gets a password of ours.
    start(&server, &folder, &journal, count).await?;
    let second = start(&server, &folder, &journal, count).await?;
    anstream::println!(
        "started: {count} pairs of roles overdue: the first new password {:.2} s after the program was started, the first \
         rotation over after {:.2} s, all after {:.1} s = {:.1}/s | {} | load {}",
        second.first.as_secs_f64(),
        second.over.as_secs_f64(),
        second.all.as_secs_f64(),
        count as f64 / second.all.as_secs_f64(),
        second.memory,
        load()?
    );
    Ok(())
}

/// The file of a team that has all of them.
fn team(server: &Postgres, count: usize) -> String {
    let address = server.address();
    let secret = |number: usize| {
        format!(
            "[secrets.role-{number}]\n\
             impact = \"one of many services is down\"\n\
             issuer = {{ kind = \"postgres\", address = \"{address}\", \
             roles = [\"{OURS}_{number}_a\", \"{OURS}_{number}_b\"], \
             admin = {{ user = \"{ADMIN}\", password = {{ file = \"{ADMIN_FILE}\" }} }} }}\n\
             publish_to = [{{ store = \"main\", path = \"role-{number}\", \
             fields = {{ PASSWORD = \"{{password}}\", USER = \"{{user}}\" }}, proof_field = \"PASSWORD\" }}]\n\
             no_consumers = \"it is rotated while the figures are taken\"\n"
        )
    };
    (0..count).map(secret).collect()
}

/// Since the program was started.
struct Start {
    /// Until the server had another password for a role.
    first: Duration,
    /// Until the first rotation was over, and all of them.
    over: Duration,
    all: Duration,
    memory: Memory,
}

/// Makes all of them due, and starts the program.
async fn start(
    server: &Postgres,
    folder: &Folder,
    journal: &Journal,
    count: usize,
) -> Result<Start> {
    let since_ms = make_due(journal, count).await?;
    let mut witness = Witness::of(server, OURS).await?;
    let daemon = Daemon::start(folder.path())?;
    witness.until(1).await?;
    let first = daemon.age();
    ended_since(journal, 1, since_ms).await?;
    let over = daemon.age();
    ended_since(journal, count, since_ms).await?;
    Ok(Start {
        first,
        over,
        all: daemon.age(),
        memory: daemon.memory()?,
    })
}

/// Says since when, epoch milliseconds.
async fn make_due(journal: &Journal, count: usize) -> Result<i64> {
    let changed = journal.write(async |tx: &mut Tx| {
        let now_ms = tx.now_ms();
        let sql = "UPDATE secret SET start_ms = $1, next_rotation_ms = $1";
        Ok((tx.run(sql, &[now_ms.into()]).await?, now_ms))
    });
    let (changed, now_ms) = changed.await?;
    ensure!(
        changed == u64::try_from(count)?,
        "{changed} of {count} secrets were made due"
    );
    Ok(now_ms)
}
