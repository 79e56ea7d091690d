//! `keywheel status` (being built).
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::journal::{rotations, secrets};

/// Shows every secret, worst first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(context: &Context, _args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let (secrets, runs) = journal
        .read(async |tx| {
            Ok((
                secrets::page(tx, "", 100_000).await?,
                rotations::all_unfinished(tx).await?,
            ))
        })
        .await?;
    for secret in secrets {
        let run = runs.iter().find(|run| run.secret_id == secret.id);
        let phase = run.map_or_else(String::new, |run| {
            let waits: Vec<String> = run
                .waiting
                .iter()
                .map(|w| format!("{} {}", w.kind, w.name))
                .collect();
            format!(
                "{} {} {} {}",
                run.phase,
                run.state.word(),
                run.question.replace('\n', " | "),
                waits.join(", ")
            )
        });
        anstream::println!(
            "{} last={:?} next={:?} {phase}",
            secret.id,
            secret.last_rotated_ms,
            secret.next_rotation_ms
        );
    }
    Ok(Exit::Done)
}
