//! One SQLite file, several handles: `keywheel rotate-now` beside a daemon at full rate.

use super::bench::{Bench, Place};
use keywheel::journal::{Error, Journal, meta};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A person who types a command waits at most this long for its commit.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_commits_beside_a_saturated_first() {
    const ATTEMPTS: u32 = 20;
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    let load = Load::start(&bench, 64);
    let second = bench.another().await;
    let mut waits = Vec::new();
    for attempt in 0..ATTEMPTS {
        let begun = Instant::now();
        let write =
            second.write(async move |tx| meta::keep(tx, &format!("second-{attempt}"), "x").await);
        write.await.unwrap();
        waits.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let commits = load.stop().await;
    waits.sort();
    println!(
        "second writer: median {:?}, slowest {:?}, beside {commits} writes of the first",
        waits[waits.len() / 2],
        waits[waits.len() - 1],
    );
    assert!(
        commits > 500,
        "the first was not at full rate: {commits} writes"
    );
    assert!(waits[waits.len() - 1] < PATIENCE, "{waits:?}");
}

/// Tasks that write back to back.
struct Load {
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(bench: &Arc<Bench>, tasks: usize) -> Self {
        let (stop, commits) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let tasks = (0..tasks)
            .map(|task| {
                let (bench, stop, commits) =
                    (Arc::clone(bench), Arc::clone(&stop), Arc::clone(&commits));
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        step(&bench.journal, task).await;
                        commits.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        Self {
            stop,
            commits,
            tasks,
        }
    }

    /// How many writes were committed.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.commits.load(Ordering::SeqCst)
    }
}

/// About as many statements and bytes as a step of a rotation.
async fn step(journal: &Journal, task: usize) {
    let write = journal.write(async move |tx| {
        for part in ["row", "effect", "audit"] {
            meta::keep(tx, &format!("{part}-{task}"), &"x".repeat(300)).await?;
        }
        Ok(())
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_writers_keep_all_they_were_promised() {
    const EACH: usize = 150;
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    let second = bench.another().await;
    let add = |journal: Journal, who: &'static str| {
        tokio::spawn(async move {
            for i in 0..EACH {
                let name = format!("{who}-{i}");
                journal
                    .write(async move |tx| meta::keep(tx, &name, "x").await)
                    .await
                    .unwrap();
            }
        })
    };
    let (one, two) = (add(bench.journal.clone(), "one"), add(second, "two"));
    one.await.unwrap();
    two.await.unwrap();
    let count = bench.journal.read(async |tx| {
        tx.row("SELECT COUNT(*) AS n FROM meta", &[])
            .await?
            .unwrap()
            .int("n")
    });
    assert_eq!(count.await.unwrap(), 2 * i64::try_from(EACH).unwrap());
}

#[tokio::test]
async fn writers_and_readers_are_set_up_as_promised() {
    let bench = Bench::at(Place::sqlite()).await;
    let pragma = async |sql: &'static str, column: &'static str| {
        bench
            .journal
            .write(async move |tx| tx.row(sql, &[]).await?.unwrap().int(column))
            .await
            .unwrap()
    };
    assert_eq!(pragma("PRAGMA synchronous", "synchronous").await, 2, "FULL");
    assert_eq!(pragma("PRAGMA secure_delete", "secure_delete").await, 1);
    let mode = bench.journal.write(async |tx| {
        tx.row("PRAGMA journal_mode", &[])
            .await?
            .unwrap()
            .text("journal_mode")
    });
    assert_eq!(mode.await.unwrap(), "wal");
}

/// A log that a reader still needs cannot be emptied: that is said, not passed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_a_reader_holds_up_is_an_error() {
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    let (reading, go_on) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(tokio::sync::Notify::new()),
    );
    let reader = {
        let (bench, reading, go_on) =
            (Arc::clone(&bench), Arc::clone(&reading), Arc::clone(&go_on));
        tokio::spawn(async move {
            let read = bench.journal.read(async move |tx| {
                meta::fact(tx, "any").await?;
                reading.notify_one();
                go_on.notified().await;
                Ok(())
            });
            read.await.unwrap();
        })
    };
    reading.notified().await;
    bench
        .journal
        .write(async |tx| meta::keep(tx, "newer", "x").await)
        .await
        .unwrap();
    let held_up = bench.journal.checkpoint().await;
    assert!(matches!(held_up, Err(Error::Busy { .. })), "{held_up:?}");
    go_on.notify_one();
    reader.await.unwrap();
    bench.journal.checkpoint().await.unwrap();
}
