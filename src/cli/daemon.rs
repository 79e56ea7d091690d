//! `keywheel daemon`: follows the schedule and works on rotations until it is told to stop.

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::daemon;
use crate::rotation::facts::Pace;
use crate::seam::Seams;
use std::time::Duration;

/// Runs the daemon in the foreground. SIGHUP reads keywheel.toml and the inventory again, SIGTERM drains within 15 s.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rotations worked on side by side.
    #[arg(long, default_value_t = 64, value_name = "N")]
    slots: usize,
    /// Log as JSON lines instead of text.
    #[arg(long)]
    json_log: bool,
    /// For tests: die at this seam.
    #[arg(long, hide = true, value_name = "SEAM")]
    die_at: Option<String>,
    /// For tests: leases, calls and grace of this many milliseconds.
    #[arg(long, hide = true, value_name = "MS")]
    lease_ms: Option<i64>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    super::log::start(args.json_log);
    let (config, journal) = context.open().await?;
    let seams = args.die_at.map_or_else(Seams::default, crate::seam::die_at);
    let pace = args.lease_ms.map_or_else(Pace::default, Pace::short);
    let parts = daemon::build(&config, journal, "daemon", pace, seams).await?;
    let reread = || context.reread();
    daemon::run(config, reread, parts, args.slots, Duration::from_secs(15)).await?;
    Ok(Exit::Done)
}
