//! `keywheel plugin check`: does a program keep the protocol and the contract, and a pack its own?

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::providers::program;
use clap::{Subcommand, ValueEnum};
use keywheel_contract::conformance::report::Report;
use keywheel_provider_exec::{Launcher, Role, check};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Checks programs that speak the plugin protocol, and packs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the suite of its role for real: point its settings at a place for trying things out. A pack is tried
    /// against a service that its own contract plays; nothing else is called.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The program's name in keywheel.toml.
    #[arg(required_unless_present = "pack", requires = "role")]
    name: Option<String>,
    /// As what it is asked.
    #[arg(long, value_enum, requires = "name")]
    role: Option<RoleWord>,
    /// One of its settings; a value that is JSON is taken as such, anything else as text.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, Value)>,
    /// The file of a pack for issuers of kind `http`, instead of a program.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "role", "settings"])]
    pack: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleWord {
    Issuer,
    Store,
    Consumer,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Issuer => Self::Issuer,
            RoleWord::Store => Self::Store,
            RoleWord::Consumer => Self::Consumer,
        }
    }
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), parsed))
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Command::Check(asked) = args.command;
    let report = match (&asked.pack, &asked.name, asked.role) {
        (Some(file), ..) => of_pack(file).await?,
        (None, Some(name), Some(role)) => {
            of_program(context, name, role, asked.settings.into_iter().collect()).await?
        }
        (None, ..) => {
            return Err(Failure::new(
                Exit::Usage,
                "name a program and its role, or a pack",
            ));
        }
    };
    anstream::print!("{report}");
    Ok(match report.failed() {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

async fn of_program(
    context: &Context,
    name: &str,
    role: RoleWord,
    settings: Map<String, Value>,
) -> Result<Report, Failure> {
    let config = context.config()?;
    let failed = |e: String| Failure::new(Exit::Failed, e);
    let launcher = Launcher::current_program().map_err(|e| failed(e.to_string()))?;
    let program = program(&config, name).map_err(|e| Failure::new(Exit::Configuration, e))?;
    Ok(check::run(program, role.into(), settings, launcher).await)
}

#[cfg(feature = "http")]
async fn of_pack(file: &Path) -> Result<Report, Failure> {
    use keywheel_provider_http::{contract, own};
    let wrong =
        |why: String| Failure::new(Exit::Configuration, format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let pack =
        own(file, &text).map_err(|error| Failure::new(Exit::Configuration, error.message))?;
    let report = contract::check(&pack).await;
    report.map_err(|error| wrong(error.message))
}

#[cfg(not(feature = "http"))]
async fn of_pack(_: &Path) -> Result<Report, Failure> {
    Err(Failure::new(
        Exit::Usage,
        "this build has no issuers of kind `http`",
    ))
}
