//! The cost of many secrets: applying, looking, starting, a tick, and what the daemon holds in memory. Each
//! line names its processor time, because a busy machine stretches the time on the wall.

use super::folder::{ALONE, Folder};
use super::ground::Backend;
use super::machine::{self, load};
use super::program::{Daemon, run};
use anyhow::{Result, ensure};
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, Tx};
use keywheel::scheduler;
use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An idle daemon is watched for this long.
const IDLE: Duration = Duration::from_secs(5);
/// Everything that is waited for has come by then.
const PATIENCE: Duration = Duration::from_secs(600);
/// Ticks measured.
const TICKS: u32 = 200;
/// Secrets made due while the daemon runs, at most.
const DUE_MAX: i64 = 200;
/// From now until the first of them, and between two of them.
const DUE_IN_MS: i64 = 1_500;
const DUE_GAP_MS: i64 = 25;

/// Runs the cell and prints its lines.
pub(crate) async fn measure(backend: Backend, size: usize) -> Result<()> {
    let folder = Folder::write(&backend, size).await?;
    let cell = Cell {
        name: format!("{} {size}", backend.word()),
        size: i64::try_from(size)?,
        folder,
    };
    run(cell.folder.path(), &["init", "--bare"])?;
    cell.command("apply, everything new", &["inventory", "apply"])?;
    cell.command("apply, nothing changed", &["inventory", "apply"])?;
    let address = Address::parse(&cell.folder.url, cell.folder.path())?;
    let journal = Journal::open(address, Arc::new(SystemClock)).await?;
    cell.date(&journal).await?;
    cell.edit_one_file()?;
    cell.command("apply, one file changed", &["inventory", "apply"])?;
    cell.command("status", &["status"])?;
    cell.command("status --output json", &["status", "--output", "json"])?;
    cell.ticks(&journal).await?;
    cell.daemon(&journal).await?;
    cell.floor(&journal).await
}

struct Cell {
    name: String,
    size: i64,
    folder: Folder,
}

impl Cell {
    fn say(&self, what: &str, cost: impl std::fmt::Display) -> Result<()> {
        anstream::println!("{:<17} {what:<24} {cost} | load {}", self.name, load()?);
        Ok(())
    }

    fn command(&self, what: &str, words: &[&str]) -> Result<()> {
        self.say(what, run(self.folder.path(), words)?)
    }

    /// As if all had been rotated in the course of the last 22 days: none is due, none is due soon.
    async fn date(&self, journal: &Journal) -> Result<()> {
        let dated = journal.write(async |tx: &mut Tx| {
            let sql = "UPDATE secret SET last_rotated_ms = $1 - 86400000 - \
                 (CAST(substr(name, 7) AS BIGINT) % 21) * 86400000";
            tx.run(sql, &[tx.now_ms().into()]).await?;
            let sql = "UPDATE secret SET next_rotation_ms = last_rotated_ms + 2592000000, \
                 soon_ms = last_rotated_ms + 1987200000, start_ms = last_rotated_ms + 2592000000";
            tx.run(sql, &[]).await
        });
        ensure!(
            dated.await? == u64::try_from(self.size)?,
            "not every secret was dated"
        );
        Ok(())
    }

    fn edit_one_file(&self) -> Result<()> {
        let file = self
            .folder
            .path()
            .join("inventory/production/team-0000.toml");
        let text = std::fs::read_to_string(&file)?;
        let edited = text.replacen("one of many services is down", "nobody can sign in", 1);
        ensure!(text != edited, "the file has another text than expected");
        Ok(std::fs::write(file, edited)?)
    }

    async fn ticks(&self, journal: &Journal) -> Result<()> {
        let processor = machine::processor_of("self")?;
        let start = Instant::now();
        for _ in 0..TICKS {
            ensure!(scheduler::tick(journal).await? == 0, "something was due");
        }
        let each = |spent: Duration| spent.as_secs_f64() * 1e3 / f64::from(TICKS);
        let processor = machine::processor_of("self")?.saturating_sub(processor);
        let (wall, processor) = (each(start.elapsed()), each(processor));
        self.say(
            "tick, nothing due",
            format!("{wall:>7.3} ms, {processor:>7.3} ms of processor"),
        )
    }

    async fn daemon(&self, journal: &Journal) -> Result<()> {
        let due = due_at(journal, 1, 0).await?;
        let mut daemon = Daemon::start(self.folder.path())?;
        while first_effects(journal, &due).await?.is_empty() {
            daemon.still_runs()?;
            ensure!(daemon.age() < PATIENCE, "nothing was started");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let cost = format!(
            "{:>7.2} s, {:>7.2} s of processor, {}",
            daemon.age().as_secs_f64(),
            daemon.processor()?.as_secs_f64(),
            daemon.memory()?
        );
        self.say("daemon, first effect", cost)?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = daemon.processor()?;
        tokio::time::sleep(IDLE).await;
        let spent = daemon.processor()?.saturating_sub(before).as_secs_f64() / IDLE.as_secs_f64();
        let memory = daemon.memory()?;
        self.say(
            "daemon, idle",
            format!("{:>7.2} % of a processor, {memory}", 100.0 * spent),
        )?;
        self.due(journal, &daemon).await
    }

    /// Secrets become due one after the other while the daemon runs.
    async fn due(&self, journal: &Journal, daemon: &Daemon) -> Result<()> {
        let alone = self.size / i64::try_from(ALONE)? - 1;
        if alone <= 0 {
            return Ok(());
        }
        let soon = journal.clock().now_ms() + DUE_IN_MS;
        let due = due_at(journal, alone.min(DUE_MAX), soon).await?;
        let mut late = Vec::new();
        while late.len() < due.len() {
            ensure!(daemon.age() < PATIENCE, "not all were started");
            tokio::time::sleep(Duration::from_millis(200)).await;
            late = first_effects(journal, &due).await?;
        }
        late.sort_unstable();
        let at = |share: usize| late[(late.len() * share / 100).min(late.len() - 1)];
        let cost = format!(
            "p50 {} ms, p99 {} ms of {}, {}",
            at(50),
            at(99),
            late.len(),
            daemon.memory()?
        );
        self.say("due to first effect", cost)
    }

    /// Bare work on the same files and the same journal.
    async fn floor(&self, journal: &Journal) -> Result<()> {
        let (processor, start) = (machine::processor_of("self")?, Instant::now());
        let mut bytes = 0;
        let mut hasher = std::hash::DefaultHasher::new();
        for file in self.folder.files()? {
            let text = std::fs::read(file)?;
            bytes += text.len();
            hasher.write(&text);
        }
        std::hint::black_box(hasher.finish());
        let spent = machine::processor_of("self")?.saturating_sub(processor);
        self.say(
            "floor: read every file",
            bare(start, spent, &format!("{} MiB", bytes >> 20)),
        )?;
        let (processor, start) = (machine::processor_of("self")?, Instant::now());
        let sql = "SELECT COUNT(*) AS n FROM secret WHERE last_rotated_ms > 0";
        let counted =
            journal.read(async move |tx| tx.row(sql, &[]).await?.map_or(Ok(0), |row| row.int("n")));
        let counted = counted.await?;
        let spent = machine::processor_of("self")?.saturating_sub(processor);
        self.say(
            "floor: count every row",
            bare(start, spent, &format!("{counted} rows")),
        )
    }
}

fn bare(start: Instant, processor: Duration, what: &str) -> String {
    let wall = start.elapsed().as_secs_f64();
    format!(
        "{wall:>7.2} s, {:>7.2} s of processor, {what}",
        processor.as_secs_f64()
    )
}

/// Makes secrets due that have no consumer: the first `count` that no rotation has touched, one after the other
/// from `at_ms`. When each is due, by id.
async fn due_at(journal: &Journal, count: i64, at_ms: i64) -> Result<BTreeMap<String, i64>> {
    let changed = journal.write(async move |tx: &mut Tx| {
        let sql = "SELECT id FROM secret WHERE consumers = 0 AND current_credential IS NULL ORDER BY id LIMIT $1";
        let rows = tx.rows(sql, &[count.into()]).await?;
        let mut due = BTreeMap::new();
        for row in rows {
            let (id, at) = (row.text("id")?, at_ms + DUE_GAP_MS * due.len() as i64);
            let sql = "UPDATE secret SET start_ms = $2, next_rotation_ms = $2 WHERE id = $1";
            tx.run(sql, &[(&id).into(), at.into()]).await?;
            due.insert(id, at);
        }
        Ok(due)
    });
    let due = changed.await?;
    ensure!(
        due.len() == usize::try_from(count)?,
        "too few secrets without a consumer"
    );
    Ok(due)
}

/// How long after its due date the first effect of each was committed, milliseconds; those without one are left out.
async fn first_effects(journal: &Journal, due: &BTreeMap<String, i64>) -> Result<Vec<i64>> {
    let sql = "SELECT r.secret_id AS id, MIN(e.created_ms) AS first FROM effect e \
         JOIN rotation r ON r.id = e.rotation_id GROUP BY r.secret_id";
    let found = journal.read(async move |tx: &mut Tx| {
        let rows = tx.rows(sql, &[]).await?;
        rows.iter()
            .map(|row| Ok((row.text("id")?, row.int("first")?)))
            .collect::<keywheel::journal::Result<Vec<_>>>()
    });
    let found = found.await?;
    let late = found
        .iter()
        .filter_map(|(id, first)| Some(first - due.get(id)?));
    Ok(late.collect())
}
