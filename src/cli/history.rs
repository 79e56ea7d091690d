//! `keywheel history`: rotations that ended or are under way, with their steps.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{self, Column, Envelope, Output};
use super::selector::Selector;
use crate::journal::audit::{self, AuditRow, Filter};
use crate::journal::overview::{self, RunLine};
use crate::journal::{Journal, Result as Read, Tx};
use crate::report::runs::{RunItem, run_item, run_line};
use keywheel_schedules::Span;
use std::collections::HashSet;

/// Tells which rotations ended or are under way, and their steps.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// How far back, such as 12h or 30d.
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    since: Span,
    /// How to write it. The steps are in table, json and jsonl; the others have a row for each rotation.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

const PAGE: i64 = 200;
/// What csv, markdown and html show, in no fixed width.
const COLUMNS: [Column; 11] = [
    ("ID", usize::MAX),
    ("ROTATION", usize::MAX),
    ("PHASE", usize::MAX),
    ("STATE", usize::MAX),
    ("TRIGGER", usize::MAX),
    ("MODE", usize::MAX),
    ("ACTOR", usize::MAX),
    ("REASON", usize::MAX),
    ("STARTED-AT", usize::MAX),
    ("ENDED-AT", usize::MAX),
    ("EXPOSURE-SECONDS", usize::MAX),
];

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let daemons = Daemons::of(&journal).await?;
    let now = journal.clock().now_ms();
    let all = args.selector.selection().is_empty();
    let ids: HashSet<String> = args
        .selector
        .resolve_or_all(&journal)
        .await?
        .into_iter()
        .collect();
    let mut envelope = Envelope::open(args.output, "keywheel/history/1", now, &daemons.alive)?;
    if args.output == Output::Table {
        anstream::println!("{}", daemons.heading(&journal.address().to_string(), now));
    }
    let (mut after, mut rows) = (String::new(), Vec::new());
    loop {
        let page = page(&journal, now - args.since.millis(), &after).await?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(&last.id);
        for (run, steps) in &page {
            if all || ids.contains(&run.secret_id) {
                match args.output {
                    Output::Table => tell(run, steps, now),
                    Output::Json | Output::Jsonl => envelope.item(&run_item(run, steps, now))?,
                    _ => rows.push(cells(run_item(run, &[], now))),
                }
            }
        }
    }
    envelope.close();
    if !args.output.is_json() && args.output != Output::Table {
        anstream::print!("{}", output::rows(args.output, &COLUMNS, &rows));
    }
    Ok(Exit::Done)
}

async fn page(
    journal: &Journal,
    since_ms: i64,
    after: &str,
) -> Result<Vec<(RunLine, Vec<AuditRow>)>, Failure> {
    let after = after.to_owned();
    let work = async move |tx: &mut Tx| {
        let mut page = Vec::new();
        for run in overview::runs_since(tx, "", since_ms, &after, PAGE).await? {
            let steps = steps(tx, &run.id).await?;
            page.push((run, steps));
        }
        Ok(page)
    };
    Ok(journal.read(work).await?)
}

async fn steps(tx: &mut Tx, rotation: &str) -> Read<Vec<AuditRow>> {
    let filter = Filter {
        rotation_id: Some(rotation.to_owned()),
        limit: 1_000,
        ..Filter::default()
    };
    audit::list(tx, &filter).await
}

fn tell(run: &RunLine, steps: &[AuditRow], now_ms: i64) {
    anstream::println!("{}", run_line(run, now_ms));
    for step in run_item(run, steps, now_ms).steps {
        let line = format!("    {}  {} {}", step.at, step.what, step.detail);
        anstream::println!("{}", line.trim_end());
    }
}

fn cells(item: RunItem) -> Vec<String> {
    let exposed = item.exposure_seconds.map(|seconds| seconds.to_string());
    let words = [item.phase, item.state, item.trigger, item.mode].map(str::to_owned);
    let mut row = vec![item.id, item.rotation];
    row.extend(words);
    row.extend([item.actor, item.reason, item.started_at]);
    row.extend([
        item.ended_at.unwrap_or_default(),
        exposed.unwrap_or_default(),
    ]);
    row
}
