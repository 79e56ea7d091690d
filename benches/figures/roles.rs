//! Rotations per second of PostgreSQL's roles, with every test on, beside four bare sessions that send the same
//! statements and log in as often, before and after in the same run.

use super::fleet::{self, ADMIN, OLD, OURS};
use super::ground::{Backend, Ground};
use super::machine::{Memory, load};
use super::outside::Instant as InstantOutside;
use super::rotations::{Running, ended, workers};
use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keywheel_test_servers::postgres::Postgres;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Rotations in flight. The issuer makes four calls at once, as many as there are bare sessions.
const FLIGHT: usize = 16;
const SESSIONS: usize = 4;
const RIGHTS: &str = include_str!("../../providers/postgres/src/grants.sql");

/// Runs the cell and prints its line.
pub(crate) async fn measure(backend: Backend, count: usize) -> Result<()> {
    let Some(server) = fleet::server() else {
        return Ok(());
    };
    let ground = Ground::prepare(&backend).await?;
    let rotator = fleet::admin(&server, ground.folder()).await?;
    for (prefix, count) in [(OURS, count), ("before", count / 4), ("after", count / 4)] {
        fleet::create_pairs(&server, prefix, count).await?;
    }
    let before = bare(&server, &rotator, "before", count / 4).await?;
    let outside = outside(&server, &ground, count).await?;
    let seconds = rotate(&ground, outside, count).await?;
    check(&server, count).await?;
    let after = bare(&server, &rotator, "after", count / 4).await?;
    let rate = count as f64 / seconds;
    anstream::println!(
        "{count} pairs of roles, {FLIGHT} in flight: {rate:.1} rotations/s | {SESSIONS} bare sessions with the same \
         statements and logins: {before:.1}/s before, {after:.1}/s after, reached {:.0} % | {} | load {}",
        200.0 * rate / (before + after),
        Memory::own()?,
        load()?
    );
    Ok(())
}

/// Issuers of all pairs, and secrets with a request each.
async fn outside(server: &Postgres, ground: &Ground, count: usize) -> Result<Arc<InstantOutside>> {
    let address = server.address();
    let members = (0..count).map(|number| fleet::pair(ground, &address, number));
    let members = members.collect::<Result<Vec<_>>>()?;
    let outside = fleet::seed(ground, ground.store(), members).await?;
    fleet::ask(&ground.journal, 0..count).await?;
    Ok(outside)
}

async fn rotate(ground: &Ground, outside: Arc<InstantOutside>, count: usize) -> Result<f64> {
    let workers = workers(ground, outside, FLIGHT)?;
    let start = Instant::now();
    let running = Running::start(workers);
    ended(&ground.journal, count).await?;
    let seconds = start.elapsed().as_secs_f64();
    running.stop().await?;
    Ok(seconds)
}

/// Of each of our pairs exactly the second role can log in.
async fn check(server: &Postgres, count: usize) -> Result<()> {
    let sql = "SELECT count(*) FILTER (WHERE rolcanlogin AND rolname LIKE '%\\_b') AS new, \
        count(*) FILTER (WHERE rolcanlogin AND rolname LIKE '%\\_a') AS old \
        FROM pg_roles WHERE rolname LIKE 'ours\\_%'";
    let mut session = server.superuser().await;
    let (new, old): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut session).await?;
    let expected = i64::try_from(count)?;
    ensure!(
        (new, old) == (expected, 0),
        "{new} new and {old} old roles log in"
    );
    Ok(())
}

/// Rotations per second of bare sessions.
async fn bare(server: &Postgres, rotator: &str, prefix: &str, count: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let sessions = (0..SESSIONS).map(|_| session(server, rotator, prefix, count, &next));
    futures_util::future::try_join_all(sessions).await?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn session(
    server: &Postgres,
    rotator: &str,
    prefix: &str,
    count: usize,
    next: &AtomicUsize,
) -> Result<()> {
    let mut session = server.connect(ADMIN, rotator).await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(session.close().await?);
        }
        one(server, &mut session, &format!("{prefix}_{number}")).await?;
    }
}

/// What the issuer does in one rotation: seven logins, four of them refused, and the same statements in as many round
/// trips.
async fn one(server: &Postgres, session: &mut PgConnection, pair: &str) -> Result<()> {
    let (a, b) = (format!("{pair}_a"), format!("{pair}_b"));
    let look = |role: &str| {
        format!(
            "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') AS comment, rolcanlogin, \
             coalesce(rolvaliduntil <= now(), false) FROM pg_roles WHERE rolname = '{role}'"
        )
    };
    let begin = |role: &str| {
        format!(
            "BEGIN; SELECT pg_advisory_xact_lock({}); {}",
            pair.len(),
            look(role)
        )
    };
    let alter = |role: &str, how: &str| {
        format!("ALTER ROLE {role} {how}; COMMENT ON ROLE {role} IS 'keywheel: fence=1'; COMMIT")
    };
    let rights = |role: &str| RIGHTS.replace("rolname = ROLE", &format!("rolname = '{role}'"));
    let sessions =
        |what: &str| format!("SELECT {what} FROM pg_stat_activity WHERE usename = '{a}'");
    let new = "example-of-bare-sessions";
    let both = [
        (b.as_str(), new, true),
        (b.as_str(), "example-wrong", false),
    ];
    send(session, &look(&a)).await?;
    log_in(
        server,
        &[
            (a.as_str(), OLD, true),
            (a.as_str(), "example-wrong", false),
        ],
    )
    .await?;
    send(session, &look(&b)).await?;
    let compared = format!(
        "SELECT line FROM (({}) EXCEPT ({})) missing",
        rights(&a),
        rights(&b)
    );
    send(session, &compared).await?;
    send(session, &begin(&b)).await?;
    let verifier = verifier(new)?;
    send(session, &alter(&b, &format!("LOGIN PASSWORD '{verifier}'"))).await?;
    log_in(server, &both).await?;
    for how in ["NOLOGIN", "NOLOGIN PASSWORD NULL"] {
        send(session, &begin(&a)).await?;
        send(session, &alter(&a, how)).await?;
    }
    send(session, &begin(&a)).await?;
    send(
        session,
        &sessions("count(*) FILTER (WHERE pg_terminate_backend(pid))"),
    )
    .await?;
    send(session, "ROLLBACK").await?;
    log_in(server, &[(a.as_str(), OLD, false)]).await?;
    log_in(server, &both).await
}

async fn send(session: &mut PgConnection, sql: &str) -> Result<()> {
    let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    session.fetch_all(statements).await?;
    Ok(())
}

async fn log_in(server: &Postgres, tries: &[(&str, &str, bool)]) -> Result<()> {
    for (user, password, right) in tries {
        let answer = server.connect(user, password).await;
        ensure!(answer.is_ok() == *right, "{user} was let in: {}", !right);
        if let Ok(session) = answer {
            session.close().await?;
        }
    }
    Ok(())
}

/// What a session sends instead of a password.
fn verifier(password: &str) -> Result<String> {
    let (salt, mut key) = ([7; 16], [0; 32]);
    let iterations = NonZeroU32::new(4_096).context("not zero")?;
    let hash = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(hash, iterations, &salt, password.as_bytes(), &mut key);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let stored = digest::digest(&digest::SHA256, hmac::sign(&key, b"Client Key").as_ref());
    let signed = hmac::sign(&key, b"Server Key");
    let [salt, stored, signed] =
        [&salt[..], stored.as_ref(), signed.as_ref()].map(|bytes| STANDARD.encode(bytes));
    Ok(format!("SCRAM-SHA-256$4096:{salt}${stored}:{signed}"))
}
