//! `keywheel reenable`: makes a disabled credential work again and holds there.

use super::acting::{person, reason, tell};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;

/// Makes a disabled credential work again; nothing is ended by itself after that.
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
    let (_, journal) = context.open().await?;
    let person = person(reason(&args.reason)?);
    let steered = actions::reenable(&journal, &args.id, &person).await?;
    tell(&journal, &steered).await
}
