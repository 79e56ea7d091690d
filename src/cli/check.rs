//! `keywheel check`: everything that is wrong with configuration, inventory, seal key and journal, at once.

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions::Tools;
use crate::config::Config;
use crate::inventory::{Definition, read};
use crate::journal::{Address, Journal, meta};
use crate::seal::KeyRing;
use std::collections::BTreeSet;

/// Checks configuration, inventory, seal key and journal; changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also tries to reach every issuer, store and program.
    #[arg(long)]
    online: bool,
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
    anstream::println!("{count} secret{plural}, no problem found");
    match (args.online, journal) {
        (true, Some(journal)) => online(&config, &journal, &definitions).await,
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

/// Reaches what every secret needs: programs describe themselves, stores show which version they serve.
async fn online(
    config: &Config,
    journal: &Journal,
    definitions: &[Definition],
) -> Result<Exit, Failure> {
    let tools = Tools::new(config, journal).await?;
    let mut unreachable = BTreeSet::new();
    for definition in definitions {
        let outside = match tools.outside(definition, None).await {
            Ok(outside) => outside,
            Err(error) => {
                unreachable.insert(error.to_string());
                continue;
            }
        };
        for (name, target) in &outside.destinations {
            if let Err(error) = target.store.inspect(&target.place).await {
                unreachable.insert(format!("{}: {name}: {error}", definition.id));
            }
        }
    }
    for line in &unreachable {
        anstream::eprintln!("unreachable: {line}");
    }
    match unreachable.is_empty() {
        true => {
            anstream::println!("every issuer, store and program answers");
            Ok(Exit::Done)
        }
        false => Ok(Exit::Failed),
    }
}
