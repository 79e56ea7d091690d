//! `keywheel schema`: the files that people write, as JSON Schema for editors.

use super::context::unprintable;
use super::exit::{Exit, Failure};

/// Prints the JSON Schema of keywheel.toml, inventory and schedules.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> Result<Exit, Failure> {
    let schema = crate::inventory::schema();
    let text = serde_json::to_string_pretty(&schema).map_err(|e| unprintable(&e))?;
    anstream::println!("{text}");
    Ok(Exit::Done)
}
