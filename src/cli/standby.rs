//! `keywheel standby`: spares for secrets whose credentials a person makes.

use super::acting::{Bench, person, reason};
use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{self, Column, Envelope, Output};
use super::provide::fields_of;
use super::selector::Selector;
use crate::actions::{self, Tried};
use crate::journal::Journal;
use crate::journal::spares::{self, Spare};
use crate::report::when::{clock, rfc3339};
use clap::Subcommand;
use serde::Serialize;

/// Keeps credentials that a person made ahead, so that an emergency needs nobody.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tries a spare and keeps it sealed. Its value comes from stdin: typed without echo, or through a pipe.
    Add {
        /// The secret.
        #[arg(value_name = "SECRET")]
        secret: String,
        /// Its id at its issuer, never its value; by default one made of its fingerprint.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
    },
    /// Lists spares that are ready.
    List {
        #[command(flatten)]
        selector: Selector,
        /// How to write it.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Tries every spare as a consumer would; takes dead ones out. 1 where one was dead.
    Check {
        #[command(flatten)]
        selector: Selector,
    },
    /// Takes a spare out and shreds its value; whoever made it ends it at its issuer.
    Remove {
        /// The spare, as `list` names it.
        #[arg(value_name = "SPARE")]
        spare: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

const COLUMNS: [Column; 5] = [
    ("SPARE", 36),
    ("ID", 22),
    ("AT-ITS-ISSUER", 14),
    ("ADDED", 12),
    ("WORKED", 12),
];
/// Secrets asked about in one query.
const PAGE: usize = 500;

/// One spare. Keys are added, never renamed.
#[derive(Serialize)]
struct Item {
    spare: String,
    id: String,
    credential: String,
    added_at: String,
    added_by: String,
    /// When it was last known to work.
    worked_at: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Add { secret, id } => add(context, &secret, id).await,
        Command::List { selector, output } => list(context, &selector, output).await,
        Command::Check { selector } => check(context, &selector).await,
        Command::Remove { spare, reason: why } => remove(context, &spare, &why).await,
    }
}

async fn add(context: &Context, secret: &str, id: Option<String>) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let wanted = actions::wanted(&journal, &tools, secret).await?;
    if let Some(instructions) = &wanted.instructions {
        anstream::eprintln!("{instructions}");
    }
    let prompt = format!("Value of a spare of {secret}");
    let fields = fields_of(&prompt, &wanted.fields)?;
    let person = person("");
    let spare = actions::add_spare(&journal, &tools, &wanted, fields, id, &person).await?;
    let known = match spare.tested_ms {
        Some(_) => "it works",
        None => "its issuer cannot tell yet whether it works",
    };
    anstream::println!(
        "{secret}: spare {} was taken in and sealed; {known}",
        spare.id
    );
    Ok(Exit::Done)
}

async fn ready(journal: &Journal, selector: &Selector) -> Result<Vec<Spare>, Failure> {
    let ids = selector.resolve_or_all(journal).await?;
    let mut found = Vec::new();
    for page in ids.chunks(PAGE) {
        let page = page.to_vec();
        let some = journal.read(async move |tx| spares::ready_of(tx, &page).await);
        found.extend(some.await?);
    }
    Ok(found)
}

async fn list(context: &Context, selector: &Selector, way: Output) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let daemons = Daemons::of(&journal).await?;
    let now = journal.clock().now_ms();
    let spares = ready(&journal, selector).await?;
    if way.is_json() {
        let mut envelope = Envelope::open(way, "keywheel/standby/1", now, &daemons.alive)?;
        for spare in spares {
            envelope.item(&Item::of(spare))?;
        }
        envelope.close();
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = spares.iter().map(|spare| cells(spare, now)).collect();
    anstream::print!("{}", output::rows(way, &COLUMNS, &rows));
    Ok(Exit::Done)
}

fn cells(spare: &Spare, now_ms: i64) -> Vec<String> {
    let worked = spare.tested_ms;
    vec![
        spare.id.clone(),
        spare.secret_id.clone(),
        spare.issuer_ref.clone(),
        clock(spare.added_ms, now_ms),
        worked.map_or_else(|| "not known".to_owned(), |at| clock(at, now_ms)),
    ]
}

async fn check(context: &Context, selector: &Selector) -> Result<Exit, Failure> {
    let Bench { journal, tools, .. } = Bench::open(context).await?;
    let actor = Context::actor();
    let mut exit = Exit::Done;
    for spare in ready(&journal, selector).await? {
        let said = match actions::try_spare(&journal, &tools, &spare, &actor).await? {
            Tried::Works => "works",
            Tried::Unknown => "its issuer cannot tell; it stays",
            Tried::Gone => "it was taken or removed meanwhile",
            Tried::Dead => {
                exit = Exit::Failed;
                "its issuer refuses it; it was taken out"
            }
        };
        anstream::println!("{}: spare {}: {said}", spare.secret_id, spare.id);
    }
    Ok(exit)
}

async fn remove(context: &Context, spare: &str, why: &str) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let person = person(reason(why)?);
    let gone = actions::remove_spare(&journal, spare, &person).await?;
    journal.checkpoint().await?;
    anstream::println!(
        "{}: spare {spare} was taken out and shredded",
        gone.secret_id
    );
    anstream::eprintln!("next: end {} at its issuer", gone.issuer_ref);
    Ok(Exit::Done)
}

impl Item {
    fn of(spare: Spare) -> Self {
        Self {
            spare: spare.id,
            id: spare.secret_id,
            credential: spare.issuer_ref,
            added_at: rfc3339(spare.added_ms),
            added_by: spare.added_by,
            worked_at: spare.tested_ms.map(rfc3339),
        }
    }
}
