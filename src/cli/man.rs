//! `keywheel man`: manual pages, made of the same text as `--help`.

use super::exit::{Exit, Failure};
use clap::CommandFactory as _;
use clap_mangen::Man;
use std::path::PathBuf;

/// Prints the manual page, or writes one for every command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Writes keywheel.1 and a page for each command into this folder.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    let command = super::Cli::command();
    let failed =
        |e: std::io::Error| Failure::new(Exit::Failed, format!("writing manual pages: {e}"));
    let Some(folder) = args.dir else {
        let mut text = Vec::new();
        Man::new(command).render(&mut text).map_err(failed)?;
        anstream::print!("{}", String::from_utf8_lossy(&text));
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    clap_mangen::generate_to(command, &folder).map_err(failed)?;
    anstream::eprintln!("wrote  {}", folder.display());
    Ok(Exit::Done)
}
