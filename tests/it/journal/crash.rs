//! A writer that is killed leaves exactly what it acknowledged.

use super::bench::Place;
use super::child;
use super::opening::clock;
use keywheel::journal::{Address, Journal, meta};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TEST: &str = "journal::crash::a_killed_writer_leaves_exactly_what_it_acknowledged";
const TASKS: usize = 32;
const ROUNDS: usize = 6;

#[tokio::test]
async fn a_killed_writer_leaves_exactly_what_it_acknowledged() {
    if let Some(folder) = child::folder() {
        return write_until_killed(&folder).await;
    }
    let Place::Sqlite(folder) = Place::sqlite() else {
        panic!("not a file")
    };
    let address = Address::Sqlite(folder.path().join("keywheel.db"));
    drop(Journal::create(address.clone(), clock()).await.unwrap());
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let before = acknowledged.len();
        acknowledged.extend(run_and_kill(folder.path(), 40 + 61 * round));
        assert!(
            acknowledged.len() > before,
            "the child of round {round} committed nothing"
        );
        let (first, second) = halves(&address).await;
        assert_eq!(first, second, "half a transaction is there");
        let lost: Vec<_> = acknowledged.difference(&first).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        // What was committed when the kill came, before the word of it was out: at most one of each task.
        let unsaid = first.len() - acknowledged.len();
        assert!(
            unsaid <= TASKS * (round + 1),
            "{unsaid} more than were acknowledged"
        );
    }
    println!(
        "{} acknowledged commits over {ROUNDS} kills, none lost",
        acknowledged.len()
    );
}

/// Starts the child, kills it after so many acknowledgements, and returns all it managed to say.
fn run_and_kill(folder: &Path, after: usize) -> BTreeSet<String> {
    let mut child = child::command(&[], TEST, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BTreeSet::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said.extend(line.unwrap().strip_prefix("committed ").map(str::to_owned));
        if said.len() == after {
            child.kill().unwrap();
        }
    }
    let ended = child.wait().unwrap();
    assert!(said.len() >= after, "the child ended by itself: {ended}");
    said
}

async fn halves(address: &Address) -> (BTreeSet<String>, BTreeSet<String>) {
    let journal = Journal::open(address.clone(), clock()).await.unwrap();
    let read = journal.read(async |tx| {
        let mut halves = (BTreeSet::new(), BTreeSet::new());
        for row in tx.rows("SELECT name FROM meta", &[]).await? {
            match row.text("name")?.split_once(' ') {
                Some(("first", id)) => drop(halves.0.insert(id.to_owned())),
                Some((_, id)) => drop(halves.1.insert(id.to_owned())),
                None => {}
            }
        }
        Ok(halves)
    });
    read.await.unwrap()
}

async fn write_until_killed(folder: &Path) {
    // Ends the line that the test's runner began.
    println!();
    let address = Address::Sqlite(folder.join("keywheel.db"));
    let journal = Journal::open(address, clock()).await.unwrap();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (journal, next) = (journal.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                write_both_halves(&journal, next.fetch_add(1, Ordering::SeqCst)).await;
            }
        });
    }
    // They end only by failing.
    tasks.join_next().await.unwrap().unwrap();
}

async fn write_both_halves(journal: &Journal, n: usize) {
    let id = format!("{}-{n}", std::process::id());
    let own = id.clone();
    let write = journal.write(async move |tx| {
        meta::keep(tx, &format!("first {own}"), &"x".repeat(200)).await?;
        meta::keep(tx, &format!("second {own}"), "x").await
    });
    write.await.unwrap();
    println!("committed {id}");
}
