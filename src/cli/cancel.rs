//! `keywheel cancel`: takes back what has not changed anything yet.

use super::acting::{person, tell};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;

/// Cancels queued requests, and a rotation that has not changed anything yet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let steered = actions::cancel(&journal, &args.id, &person("")).await?;
    tell(&journal, &steered).await
}
