//! Shredded values are gone from the files, not only from the tables.

use super::bench::{Bench, Place, START_MS};
use keywheel::journal::{Address, ledger, meta};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stands in for sealed bytes; long enough to be nowhere by chance.
const MARKER: &[u8] = b"an-example-of-sealed-bytes-that-must-be-gone";

/// Database and log; the shared-memory file holds page numbers only, and is searched all the same.
fn files(bench: &Bench) -> Vec<PathBuf> {
    let Address::Sqlite(path) = bench.place.address() else {
        panic!("not a file")
    };
    ["", "-wal", "-shm"]
        .iter()
        .map(|end| PathBuf::from(format!("{}{end}", path.display())))
        .collect()
}

fn holds_marker(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(MARKER.len()).any(|window| window == MARKER)
}

async fn seal(bench: &Bench, rotation: String, length: usize) {
    let seal = bench.journal.write(async move |tx| {
        // Values up to overflow pages, and a key; the marker many times over.
        let body: Vec<u8> = MARKER.iter().copied().cycle().take(length).collect();
        ledger::keep_data_key(tx, &rotation, "k1", MARKER.to_vec()).await?;
        ledger::keep_sealed(tx, &rotation, &[("candidate".into(), body)]).await
    });
    seal.await.unwrap();
}

#[tokio::test]
async fn a_byte_search_finds_nothing_after_shredding() {
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    for (i, length) in [64, 900, 5_000, 70_000].into_iter().enumerate() {
        seal(&bench, format!("r{i}"), length).await;
    }
    bench.journal.checkpoint().await.unwrap();
    assert!(
        files(&bench).iter().any(|file| holds_marker(file)),
        "the search must be able to find it"
    );
    for i in 0..4 {
        bench
            .journal
            .write(async move |tx| ledger::shred(tx, &format!("r{i}")).await)
            .await
            .unwrap();
    }
    bench.journal.checkpoint().await.unwrap();
    for file in files(&bench) {
        assert!(
            !holds_marker(&file),
            "{} still holds sealed bytes",
            file.display()
        );
    }
    assert_eq!(
        std::fs::metadata(&files(&bench)[1]).unwrap().len(),
        0,
        "the log is empty"
    );
}

/// `keywheel` commands are processes of their own: each may be the one that shreds or only the one that empties.
#[tokio::test]
async fn a_handle_that_never_wrote_can_empty_the_log_too() {
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    seal(&bench, "r1".into(), 900).await;
    bench
        .journal
        .write(async |tx| ledger::shred(tx, "r1").await)
        .await
        .unwrap();
    let fresh = bench.another().await;
    fresh.checkpoint().await.unwrap();
    for file in files(&bench) {
        assert!(
            !holds_marker(&file),
            "{} still holds sealed bytes",
            file.display()
        );
    }
}

#[tokio::test]
async fn what_was_not_shredded_stays() {
    let bench = Arc::new(Bench::at(Place::sqlite()).await);
    seal(&bench, "r1".into(), 900).await;
    seal(&bench, "r2".into(), 900).await;
    bench
        .journal
        .write(async |tx| ledger::shred(tx, "r1").await)
        .await
        .unwrap();
    bench
        .journal
        .write(async |tx| meta::keep(tx, "at", &START_MS.to_string()).await)
        .await
        .unwrap();
    bench.journal.checkpoint().await.unwrap();
    let kept = bench
        .journal
        .read(async |tx| ledger::sealed(tx, "r2").await)
        .await
        .unwrap();
    assert_eq!(kept[0].1.len(), 900);
}
