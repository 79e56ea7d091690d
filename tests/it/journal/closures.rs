//! What `write` and `read` promise, whatever is in the closure.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use keywheel::journal::{Error, Result, Tx, meta};
use std::sync::Arc;

const CASES: &[Case] = &[
    case("a closure that fails leaves nothing", |b| {
        Box::pin(failing_leaves_nothing(b))
    }),
    case("a closure that fails does not harm its neighbours", |b| {
        Box::pin(neighbours_unharmed(b))
    }),
    case("a swallowed error of the database is not a commit", |b| {
        Box::pin(swallowed_error(b))
    }),
    case("a reader sees one snapshot", |b| Box::pin(one_snapshot(b))),
    case("a reader cannot write", |b| Box::pin(readers_only_read(b))),
    case("what was answered can be read by another handle", |b| {
        Box::pin(read_by_another(b))
    }),
    case("a caller that goes away does not undo its write", |b| {
        Box::pin(caller_gone(b))
    }),
    case("many rows go in with one call", |b| Box::pin(many_rows(b))),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

async fn value(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    meta::fact(tx, name).await
}

async fn failing_leaves_nothing(bench: Arc<Bench>) {
    let failed: Result<()> = bench
        .journal
        .write(async |tx| {
            meta::keep(tx, "half", "done").await?;
            Err(Error::Refused("changed its mind".into()))
        })
        .await;
    assert!(matches!(failed, Err(Error::Refused(_))), "{failed:?}");
    let found = bench
        .journal
        .read(async |tx| value(tx, "half").await)
        .await
        .unwrap();
    assert_eq!(found, None);
}

async fn neighbours_unharmed(bench: Arc<Bench>) {
    let writes = (0..40).map(|i| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let write = bench.journal.write(async move |tx| {
                meta::keep(tx, &format!("row-{i}"), "there").await?;
                if i % 4 == 0 {
                    // Half of the failures are the database's own: a check of the table.
                    tx.run("INSERT INTO meta (name, value) VALUES ('row-1', NULL)", &[])
                        .await?;
                }
                if i % 4 == 2 { Err(Error::Lost) } else { Ok(()) }
            });
            (i, write.await.is_ok())
        })
    });
    for write in writes.collect::<Vec<_>>() {
        let (i, ok) = write.await.unwrap();
        let name = format!("row-{i}");
        let found = bench
            .journal
            .read(async move |tx| value(tx, &name).await)
            .await
            .unwrap();
        assert_eq!((ok, found.is_some()), (i % 2 == 1, i % 2 == 1), "row {i}");
    }
}

/// PostgreSQL answers COMMIT of a broken transaction with a rollback that reads like success.
async fn swallowed_error(bench: Arc<Bench>) {
    let answer = bench
        .journal
        .write(async |tx| {
            meta::keep(tx, "before", "x").await?;
            drop(
                tx.run(
                    "INSERT INTO meta (name, value) VALUES ('no-value', NULL)",
                    &[],
                )
                .await,
            );
            Ok(())
        })
        .await;
    let found = bench
        .journal
        .read(async |tx| value(tx, "before").await)
        .await
        .unwrap();
    assert_eq!(
        answer.is_ok(),
        found.is_some(),
        "answered {answer:?}, found {found:?}"
    );
}

async fn one_snapshot(bench: Arc<Bench>) {
    let (seen, go_on) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(tokio::sync::Notify::new()),
    );
    let reader = {
        let (bench, seen, go_on) = (Arc::clone(&bench), Arc::clone(&seen), Arc::clone(&go_on));
        tokio::spawn(async move {
            let read = bench.journal.read(async move |tx| {
                let before = value(tx, "late").await?;
                seen.notify_one();
                go_on.notified().await;
                Ok((before, value(tx, "late").await?))
            });
            read.await.unwrap()
        })
    };
    seen.notified().await;
    bench
        .journal
        .write(async |tx| meta::keep(tx, "late", "x").await)
        .await
        .unwrap();
    go_on.notify_one();
    assert_eq!(reader.await.unwrap(), (None, None));
}

async fn readers_only_read(bench: Arc<Bench>) {
    let answer = bench
        .journal
        .read(async |tx| meta::keep(tx, "sneaked", "in").await)
        .await;
    assert!(answer.is_err());
    let found = bench
        .journal
        .read(async |tx| value(tx, "sneaked").await)
        .await
        .unwrap();
    assert_eq!(found, None);
}

async fn read_by_another(bench: Arc<Bench>) {
    let another = bench.another().await;
    for i in 0..20 {
        let text = i.to_string();
        bench
            .journal
            .write(async move |tx| meta::keep(tx, "counter", &text).await)
            .await
            .unwrap();
        let found = another
            .read(async |tx| value(tx, "counter").await)
            .await
            .unwrap();
        assert_eq!(found, Some(i.to_string()));
    }
}

async fn caller_gone(bench: Arc<Bench>) {
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let caller = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let write = bench.journal.write(async move |tx| {
                if let Some(begun) = begun.lock().unwrap().take() {
                    begun.send(()).unwrap();
                }
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                meta::keep(tx, "orphan", "x").await
            });
            write.await
        })
    };
    is_begun.await.unwrap();
    caller.abort();
    // On SQLite the next write shares the writer; on PostgreSQL the first one is given time to commit.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let found = bench
        .journal
        .write(async |tx| value(tx, "orphan").await)
        .await
        .unwrap();
    assert_eq!(found.as_deref(), Some("x"));
}

async fn many_rows(bench: Arc<Bench>) {
    const MANY: i64 = 5_000;
    let insert = bench.journal.write(async |tx| {
        let rows: Vec<_> = (0..MANY)
            .map(|i| vec![format!("row-{i}").into(), "x".into()])
            .collect();
        tx.insert("INSERT INTO meta (name, value)", &rows, "").await
    });
    insert.await.unwrap();
    let count = bench.journal.read(async |tx| {
        let row = tx
            .row(
                "SELECT COUNT(*) AS n FROM meta WHERE name LIKE 'row-%'",
                &[],
            )
            .await?;
        row.unwrap().int("n")
    });
    assert_eq!(count.await.unwrap(), MANY);
}
