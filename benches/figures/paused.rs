//! One database hangs: what becomes of the rotations of another one meanwhile, with every test on.

use super::fleet::{self, OURS};
use super::ground::{Backend, Ground};
use super::machine::load;
use super::outside::Instant as InstantOutside;
use super::rotations::{Running, ended_since, workers};
use anyhow::{Result, ensure};
use keywheel_test_servers::postgres::Postgres;
use keywheel_test_servers::wire::{Wire, in_front_of};
use std::sync::Arc;
use std::time::Instant;

/// Rotations in flight: as many as the daemon works on where nothing else is said.
const FLIGHT: usize = 64;

/// Runs the cell and prints its line. What hangs is a way to the same server: nothing passes, no connection closes.
/// Its secrets are asked for first, so that they stand before all others.
pub(crate) async fn measure(backend: Backend, beside: usize, hanging: usize) -> Result<()> {
    let Some(server) = fleet::server() else {
        return Ok(());
    };
    let wire = in_front_of(server.port).await;
    let ground = Ground::prepare(&backend).await?;
    let outside = outside(&server, &wire, &ground, beside, hanging).await?;
    let before = undisturbed(&ground, Arc::clone(&outside), beside).await?;
    wire.stall();
    let meanwhile = disturbed(&ground, outside, &wire, beside, hanging).await?;
    check(&server, beside + hanging).await?;
    let rate = |seconds: f64| beside as f64 / seconds;
    anstream::println!(
        "paused: {beside} pairs of roles, {FLIGHT} in flight: {:.1} rotations/s undisturbed | while a database with \
         {hanging} more hangs {:.1}/s = {:.0} %, the first after {:.1} s | those {hanging} were over {:.0} s after it \
         answered again | load {}",
        rate(before),
        rate(meanwhile.all),
        100.0 * before / meanwhile.all,
        meanwhile.first,
        meanwhile.caught_up,
        load()?
    );
    Ok(())
}

/// The first secrets are of the server itself, the others of the same server behind the wire.
async fn outside(
    server: &Postgres,
    wire: &Wire,
    ground: &Ground,
    beside: usize,
    hanging: usize,
) -> Result<Arc<InstantOutside>> {
    let all = beside + hanging;
    fleet::admin(server, ground.folder()).await?;
    fleet::create_pairs(server, OURS, all).await?;
    let (direct, behind) = (server.address(), wire.address());
    let address = |number: usize| match number < beside {
        true => direct.as_str(),
        false => behind.as_str(),
    };
    let members = (0..all).map(|number| fleet::pair(ground, address(number), number));
    let members = members.collect::<Result<Vec<_>>>()?;
    fleet::seed(ground, ground.store(), members).await
}

/// In seconds.
async fn undisturbed(ground: &Ground, outside: Arc<InstantOutside>, beside: usize) -> Result<f64> {
    let since_ms = fleet::ask(&ground.journal, 0..beside).await?;
    let workers = workers(ground, outside, FLIGHT)?;
    let start = Instant::now();
    let running = Running::start(workers);
    ended_since(&ground.journal, beside, since_ms).await?;
    let seconds = start.elapsed().as_secs_f64();
    running.stop().await?;
    Ok(seconds)
}

/// Seconds of a run beside a database that hangs.
struct Meanwhile {
    /// Until the first of the others was over.
    first: f64,
    /// Until all of the others were.
    all: f64,
    /// From the moment at which it answered again until its own were over too.
    caught_up: f64,
}

/// As long as it hangs, none of its own can be over: whatever is, is one of the others.
async fn disturbed(
    ground: &Ground,
    outside: Arc<InstantOutside>,
    wire: &Wire,
    beside: usize,
    hanging: usize,
) -> Result<Meanwhile> {
    let (journal, all) = (&ground.journal, beside + hanging);
    let since_ms = fleet::ask(journal, (beside..all).chain(0..beside)).await?;
    let workers = workers(ground, outside, FLIGHT)?;
    let start = Instant::now();
    let running = Running::start(workers);
    ended_since(journal, 1, since_ms).await?;
    let first = start.elapsed().as_secs_f64();
    ended_since(journal, beside, since_ms).await?;
    let others = start.elapsed().as_secs_f64();
    wire.go_on();
    let answers = Instant::now();
    ended_since(journal, all, since_ms).await?;
    let caught_up = answers.elapsed().as_secs_f64();
    running.stop().await?;
    Ok(Meanwhile {
        first,
        all: others,
        caught_up,
    })
}

/// Of each pair exactly one role can log in.
async fn check(server: &Postgres, pairs: usize) -> Result<()> {
    let sql = "SELECT count(*) AS roles, count(DISTINCT regexp_replace(rolname, '_.$', '')) AS pairs \
        FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'ours\\_%'";
    let mut session = server.superuser().await;
    let able: (i64, i64) = sqlx::query_as(sql).fetch_one(&mut session).await?;
    let pairs = i64::try_from(pairs)?;
    ensure!(
        able == (pairs, pairs),
        "{} roles of {} pairs log in, of {pairs} pairs",
        able.0,
        able.1
    );
    Ok(())
}
