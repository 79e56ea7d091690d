//! `keywheel rotate-now` (being built).
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::journal::requests::{self, Request};
use crate::rotation::words::{Cause, Mode};

/// Asks for a rotation now.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    id: String,
    /// normal, cutover or contain.
    #[arg(long, default_value = "normal")]
    mode: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let mode = Mode::from_word(&args.mode).ok_or_else(|| Failure::usage("no such mode"))?;
    let request = Request {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: args.id,
        cause: if mode == Mode::Normal {
            Cause::Manual
        } else {
            Cause::Emergency
        },
        mode,
        credential: "all".into(),
        reason: args.reason.unwrap_or_default(),
        actor: Context::actor(),
        accept_outage: false,
        reported_ms: journal.clock().now_ms(),
    };
    journal
        .write(async move |tx| requests::add(tx, &request).await)
        .await?;
    Ok(Exit::Done)
}
