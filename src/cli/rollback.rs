//! `keywheel rollback`: goes back to the old credential, as long as there is a way.

use super::acting::{Bench, person, reason, tell};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;

/// Goes back to the old credential; refused once its end for good has begun.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
    /// Why.
    #[arg(long)]
    reason: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let bench = Bench::open(context).await?;
    let person = person(reason(&args.reason)?);
    let steered = actions::rollback(&bench.journal, &bench.tools, &args.id, &person).await?;
    tell(&bench.journal, &steered).await
}
