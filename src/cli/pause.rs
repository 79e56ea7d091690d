//! `keywheel pause` and `keywheel resume`.

use super::acting::{lonely, person, reason, until};
use super::context::Context;
use super::exit::{Exit, Failure};
use super::selector::Selector;
use crate::actions::{self, Paused};

/// Stops new forward work of secrets: nothing starts, publishes or ends; ways back and endings begun go on.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    #[command(flatten)]
    selector: Selector,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Ends by itself then: a moment like 2026-12-01T03:00:00Z, or a length of time like 7d.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Lifts a pause.
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    selector: Selector,
}

pub(super) async fn pause(context: &Context, args: PauseArgs) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let person = person(reason(&args.reason)?);
    let now = journal.clock().now_ms();
    let until_ms = args
        .until
        .as_deref()
        .map(|text| until(text, now))
        .transpose()?;
    for id in args.selector.resolve(&journal).await? {
        let paused = actions::pause(&journal, &id, until_ms, &person).await?;
        let stays = match &paused.phase {
            Some(phase) => {
                format!("its rotation holds at {phase}; what works now keeps working")
            }
            None => "nothing of it starts; the credential in use works".to_owned(),
        };
        anstream::println!("{id} paused: {stays}");
        anstream::eprintln!("next: keywheel resume {id}");
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(context: &Context, args: ResumeArgs) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let person = person("");
    let mut under_way = false;
    for id in args.selector.resolve(&journal).await? {
        let resumed = actions::resume(&journal, &id, &person).await?;
        anstream::println!("{id} resumed{}", goes_on(&resumed));
        under_way |= resumed.phase.is_some();
    }
    if under_way {
        lonely(&journal).await?;
    }
    Ok(Exit::Done)
}

fn goes_on(resumed: &Paused) -> String {
    match &resumed.phase {
        Some(phase) => format!(": its rotation goes on at {phase}"),
        None => String::new(),
    }
}
