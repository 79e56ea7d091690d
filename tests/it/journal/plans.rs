//! What is asked on every tick, and the audit of one secret, is answered by an index, however many secrets and
//! rotations there are.

use super::bench::{Bench, Case, case, on_postgres, on_sqlite};
use keywheel::journal::audit::{self, Filter};
use keywheel::journal::{Arg, Dialect, Result, Tx, requests, secrets};
use std::sync::Arc;

const CASES: &[Case] = &[
    case("due secrets are found by their start", |b| {
        Box::pin(asked(b, secrets::due_sql(), ints(2), "secret_start"))
    }),
    case("the next start is the first of each shard", |b| {
        Box::pin(asked(b, secrets::next_start_sql(), ints(0), "secret_start"))
    }),
    case("requests wait in their order", |b| {
        Box::pin(asked(b, requests::queued_sql(), ints(1), "request_order"))
    }),
    case("the audit of one secret is read in its order", |b| {
        let (sql, args) = audit::list_sql(&of_secret());
        Box::pin(asked(b, sql, args, "audit_secret"))
    }),
    case("the same, since a moment", |b| {
        let since_ms = Some(1);
        let (sql, args) = audit::list_sql(&Filter {
            since_ms,
            ..of_secret()
        });
        Box::pin(asked(b, sql, args, "audit_secret"))
    }),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

fn ints(count: usize) -> Vec<Arg> {
    (0..count).map(|_| Arg::Int(1)).collect()
}

fn of_secret() -> Filter {
    Filter {
        secret_id: Some("test/example".to_owned()),
        limit: 1_000,
        ..Filter::default()
    }
}

/// The plan reads by this index, reads nothing else, and sorts only what `due` leaves of all shards.
async fn asked(bench: Arc<Bench>, sql: String, args: Vec<Arg>, index: &'static str) {
    let may_sort = sql == secrets::due_sql();
    let plan = bench
        .journal
        .read(async move |tx| plan(tx, &sql, &args).await);
    let plan = plan.await.unwrap();
    let reads = |line: &&String| {
        ["SCAN ", "SEARCH ", "Scan "]
            .iter()
            .any(|word| line.contains(word))
            && !line.contains("ubquery")
    };
    let mut read = plan.iter().filter(reads).peekable();
    assert!(read.peek().is_some(), "{plan:#?}");
    for line in read {
        let derived = line.contains("firsts") || line.contains("(subquery");
        assert!(line.contains(index) || derived, "{line} of {plan:#?}");
    }
    let sorts = |line: &String| line.contains("Sort") || line.contains("TEMP B-TREE");
    assert!(may_sort || !plan.iter().any(sorts), "{plan:#?}");
}

async fn plan(tx: &mut Tx, sql: &str, args: &[Arg]) -> Result<Vec<String>> {
    let (explain, column) = match tx.dialect() {
        Dialect::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        Dialect::Postgres => {
            // A table without rows is otherwise read as a whole, rightly.
            for way in ["enable_seqscan", "enable_bitmapscan"] {
                tx.run(format!("SET LOCAL {way} = off"), &[]).await?;
            }
            ("EXPLAIN", "QUERY PLAN")
        }
    };
    let rows = tx.rows(format!("{explain} {sql}"), args).await?;
    rows.iter().map(|row| row.text(column)).collect()
}
