//! `keywheel retry`: forgets earlier failures of a rotation and lets it go on.

use super::acting::{person, tell};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;

/// Lets a blocked or held rotation go on; earlier failures no longer count.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let steered = actions::retry(&journal, &args.id, &person("")).await?;
    tell(&journal, &steered).await
}
