//! `keywheel audit`: listing the audit table, and verifying it.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{Envelope, Prose};
use crate::journal::audit::{self, AuditRow, Filter};
use crate::journal::{Error, Journal, Tx};
use crate::report::entries::EntryItem;
use crate::report::verify::{self, CANNOT_SHOW, Verdict};
use crate::report::when::minute;
use clap::Subcommand;
use keywheel_schedules::Span;

/// Lists and verifies the audit table.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists rows in their order. Rows of the last second may still wait for their place.
    List(List),
    /// Recomputes every hash and checks that nothing was ended without its evidence.
    Verify {
        /// How to write it.
        #[arg(long, value_enum, default_value_t)]
        output: Prose,
    },
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this secret.
    #[arg(long, value_name = "ID")]
    secret: Option<String>,
    /// Only this rotation.
    #[arg(long, value_name = "ID")]
    rotation: Option<String>,
    /// Only the last while, such as 12h or 30d.
    #[arg(long, value_name = "SPAN")]
    since: Option<Span>,
    /// At most this many.
    #[arg(long, value_name = "N")]
    limit: Option<i64>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Prose,
}

const PAGE: i64 = 1_000;

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    match args.command {
        Command::List(list) => list_rows(&journal, list).await,
        Command::Verify { output } => verify_all(&journal, output).await,
    }
}

async fn list_rows(journal: &Journal, list: List) -> Result<Exit, Failure> {
    let now = journal.clock().now_ms();
    let mut left = list.limit.unwrap_or(i64::MAX);
    let mut filter = Filter {
        secret_id: list.secret,
        rotation_id: list.rotation,
        since_ms: list.since.map(|span| now - span.millis()),
        after_seq: 0,
        limit: 0,
    };
    let daemons = Daemons::of(journal).await?.alive;
    let mut envelope = Envelope::open(list.output, "keywheel/audit/1", now, &daemons)?;
    while left > 0 {
        filter.limit = left.min(PAGE);
        let asked = filter.clone();
        let page = journal
            .read(async move |tx| audit::list(tx, &asked).await)
            .await?;
        let Some(last) = page.last().and_then(|row| row.seq) else {
            break;
        };
        filter.after_seq = last;
        left -= i64::try_from(page.len()).unwrap_or(left);
        for row in page {
            match list.output {
                Prose::Table => anstream::println!("{}", line(&row)),
                _ => envelope.item(&EntryItem::from(row))?,
            }
        }
    }
    envelope.close();
    Ok(Exit::Done)
}

fn line(row: &AuditRow) -> String {
    let entry = &row.entry;
    let words = [
        entry.phase.as_str(),
        &entry.action,
        &entry.outcome,
        &entry.destination,
        &entry.evidence,
        &entry.detail,
    ];
    let said: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let by = match entry.actor.as_str() {
        "" | "engine" => String::new(),
        actor => format!(" by {actor}"),
    };
    format!(
        "{:>6} {} {} {}{by}",
        row.seq.unwrap_or(0),
        minute(row.at_ms),
        row.secret_id,
        said.join(" · ")
    )
}

async fn verify_all(journal: &Journal, output: Prose) -> Result<Exit, Failure> {
    let read = journal
        .read(async |tx: &mut Tx| verify::verify(tx).await)
        .await;
    let verdict = match read {
        Err(Error::Unreadable(what)) => {
            let line = format!("the audit is broken: a row cannot be one of ours ({what})");
            return Err(Failure::new(Exit::AuditBroken, line));
        }
        read => read?,
    };
    if output.is_json() {
        let (alive, now) = (Daemons::of(journal).await?.alive, journal.clock().now_ms());
        let mut envelope = Envelope::open(output, "keywheel/audit-verify/1", now, &alive)?;
        envelope.item(&verdict)?;
        envelope.close();
    } else {
        tell(&verdict);
    }
    Ok(match verdict.broken {
        0 => Exit::Done,
        _ => Exit::AuditBroken,
    })
}

fn tell(verdict: &Verdict) {
    for found in &verdict.findings {
        let place = found
            .seq
            .map_or("no place".to_owned(), |seq| format!("row {seq}"));
        let column = match found.column.as_str() {
            "" => String::new(),
            column => format!(" ({column})"),
        };
        anstream::println!("BROKEN {place}{column}: {} {}", found.what, found.rotation);
    }
    let state = if verdict.broken == 0 {
        "whole"
    } else {
        "BROKEN"
    };
    anstream::println!(
        "audit {state}: {} rows of {} rotations, {} more wait for their place, {} findings",
        verdict.rows,
        verdict.rotations,
        verdict.pending,
        verdict.broken
    );
    anstream::println!("head {} {}", verdict.head_seq, verdict.head_hash);
    anstream::println!("note: {CANNOT_SHOW}");
    if verdict.broken > 0 {
        anstream::println!(
            "next: keep the journal as it is, compare it with a backup; nothing is revoked by this command"
        );
    }
}
