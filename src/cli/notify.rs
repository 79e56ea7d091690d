//! `keywheel notify`: tells one consumer to read again, now.

use super::acting::{Bench, person};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;

/// Tells a consumer to read its secret again, now. It never carries the value.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
    /// The consumer's name in the inventory.
    #[arg(long)]
    consumer: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let (id, consumer) = (&args.id, &args.consumer);
    let told = actions::notify(&journal, &tools, id, consumer, &person("")).await?;
    let (destination, version) = (told.destination, told.version);
    anstream::println!("{consumer} was told to read {destination} {version} again");
    match told.phase {
        Some(phase) => {
            anstream::eprintln!("next: its rotation is {phase} and looks again by itself")
        }
        None => anstream::eprintln!("next: keywheel prove {id}"),
    }
    Ok(Exit::Done)
}
