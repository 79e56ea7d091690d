//! `keywheel init`: the only command that makes a journal and a seal key.

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::config::{Config, FILE_NAME};
use crate::inventory::starter;
use crate::journal::{Address, Journal, meta};
use crate::seal::KeyRing;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes configuration, seal key and journal, with one secret that can be rotated at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; this one by default.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Only seal key and journal, for a configuration that exists.
    #[arg(long)]
    bare: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let named = context.config_path().cloned();
    let file = named.unwrap_or_else(|| args.folder.join(FILE_NAME));
    if !args.bare && !file.exists() {
        write_starter(&args.folder)?;
    }
    let config = Config::load(&file)?;
    if config.seal.key_file.exists() {
        anstream::eprintln!("kept   {}", config.seal.key_file.display());
    } else {
        KeyRing::create(&config.seal.key_file).map_err(|e| Failure::new(Exit::Failed, e))?;
        anstream::eprintln!(
            "made   {} (0600): copy it elsewhere now",
            config.seal.key_file.display()
        );
    }
    let ring =
        KeyRing::load(&config.seal.key_file).map_err(|e| Failure::new(Exit::Configuration, e))?;
    let address = Address::parse(&config.journal, &config.base)?;
    let journal = Journal::create(address, Arc::clone(context.clock())).await?;
    let check = ring.check().to_owned();
    journal
        .write(async move |tx| meta::keep(tx, meta::SEAL_CHECK, &check).await)
        .await?;
    anstream::eprintln!("made   journal {}", journal.address());
    anstream::eprintln!("next: keywheel check && keywheel inventory apply && keywheel status");
    Ok(Exit::Done)
}

/// Nothing that exists is overwritten.
fn write_starter(folder: &Path) -> Result<(), Failure> {
    for (name, text) in starter() {
        let path = folder.join(name);
        let failed =
            |e: std::io::Error| Failure::new(Exit::Failed, format!("{}: {e}", path.display()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        if path.exists() {
            anstream::eprintln!("kept   {}", path.display());
            continue;
        }
        std::fs::write(&path, text).map_err(failed)?;
        anstream::eprintln!("wrote  {}", path.display());
    }
    Ok(())
}
