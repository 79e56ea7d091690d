//! `keywheel audit` (being built).
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::journal::audit;

/// The audit table.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(context: &Context, _args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let filter = audit::Filter {
        limit: 1000,
        ..audit::Filter::default()
    };
    let rows = journal
        .read(async move |tx| audit::list(tx, &filter).await)
        .await?;
    for row in rows {
        let e = row.entry;
        anstream::println!(
            "{:>4} {} {:<12} {:<18} {:<12} {} {} {}",
            row.seq.unwrap_or(0),
            row.secret_id,
            e.phase,
            e.action,
            e.outcome,
            e.destination,
            e.evidence,
            e.detail
        );
    }
    Ok(Exit::Done)
}
