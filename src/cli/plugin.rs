//! `keywheel plugin check`: does a program keep the protocol and the contract?

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::providers::program;
use clap::{Subcommand, ValueEnum};
use keywheel_provider_exec::{Launcher, Role, check};
use serde_json::{Map, Value};

/// Checks programs that speak the plugin protocol.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the suite of its role for real: point its settings at a place for trying things out.
    Check {
        /// The program's name in keywheel.toml.
        name: String,
        /// As what it is asked.
        #[arg(long, value_enum)]
        role: RoleWord,
        /// One of its settings; a value that is JSON is taken as such, anything else as text.
        #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
        settings: Vec<(String, Value)>,
    },
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
    let Command::Check {
        name,
        role,
        settings,
    } = args.command;
    let config = context.config()?;
    let failed = |e: String| Failure::new(Exit::Failed, e);
    let launcher = Launcher::current_program().map_err(|e| failed(e.to_string()))?;
    let program = program(&config, &name).map_err(|e| Failure::new(Exit::Configuration, e))?;
    let settings: Map<String, Value> = settings.into_iter().collect();
    let report = check::run(program, role.into(), settings, launcher).await;
    anstream::print!("{report}");
    Ok(match report.failed() {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}
