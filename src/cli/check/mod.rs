//! `keywheel check`: everything that is wrong with configuration, inventory, seal key and journal, at once.

mod issuers;
mod online;
mod workloads;

use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::Prose;
use crate::config::Config;
use crate::inventory::read;
use crate::journal::{Address, Journal, meta};
use crate::seal::KeyRing;

/// Checks configuration, inventory, seal key and journal; changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also tries to reach every issuer, store and program, and says which rights are missing. Changes nothing there.
    #[arg(long)]
    online: bool,
    /// How to write what was seen online.
    #[arg(long, value_enum, default_value_t, requires = "online")]
    output: Prose,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = context.config()?;
    let mut wrong = Vec::new();
    let mut definitions = Vec::new();
    match read(&config) {
        Ok(snapshot) => {
            for warning in &snapshot.warnings {
                anstream::eprintln!("warning: {warning}");
            }
            definitions = snapshot.definitions;
        }
        Err(problems) => wrong.extend(problems.iter().map(ToString::to_string)),
    }
    let journal = own(context, &config, &mut wrong).await;
    if !wrong.is_empty() {
        return Err(found(wrong));
    }
    let count = definitions.len();
    let plural = if count == 1 { "" } else { "s" };
    match args.output.is_json() {
        true => anstream::eprintln!("{count} secret{plural}, no problem found"),
        false => anstream::println!("{count} secret{plural}, no problem found"),
    }
    match (args.online, journal) {
        (true, Some(journal)) => online::run(&config, &journal, &definitions, args.output).await,
        (true, None) => Err(Failure::new(
            Exit::Configuration,
            "--online needs seal key and journal",
        )
        .next("keywheel init --bare")),
        (false, _) => Ok(Exit::Done),
    }
}

fn found(wrong: Vec<String>) -> Failure {
    let count = wrong.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut lines = vec![format!("{count} problem{plural} found")];
    lines.extend(wrong);
    Failure {
        exit: Exit::Configuration,
        lines,
        next: None,
    }
}

/// Seal key and journal. Where neither is there, only the files are meant to be checked, as on a build server.
async fn own(context: &Context, config: &Config, wrong: &mut Vec<String>) -> Option<Journal> {
    let address = Address::parse(&config.journal, &config.base);
    let missing = matches!(&address, Ok(Address::Sqlite(path)) if !path.exists());
    if missing && !config.seal.key_file.exists() {
        anstream::eprintln!("neither seal key nor journal is here: only the files were checked");
        return None;
    }
    let ring = KeyRing::load(&config.seal.key_file)
        .map_err(|e| wrong.push(e.to_string()))
        .ok();
    let journal = context
        .journal(config)
        .await
        .map_err(|failure| wrong.extend(failure.lines))
        .ok()?;
    let kept = journal
        .read(async |tx| meta::fact(tx, meta::SEAL_CHECK).await)
        .await;
    match (kept, ring) {
        (Ok(kept), Some(ring)) => {
            if let Err(error) = ring.verify(&kept.unwrap_or_default()) {
                wrong.push(error.to_string());
            }
        }
        (Err(error), _) => wrong.push(error.to_string()),
        (Ok(_), None) => {}
    }
    Some(journal)
}
