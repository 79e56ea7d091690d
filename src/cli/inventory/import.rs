//! `keywheel inventory import`: entries for what a store holds or a spreadsheet lists.

use super::discover::{StoreName, discover};
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Column, Envelope, Output};
use crate::config::Config;
use crate::inventory::import::{
    Draft, Finding, Fitted, NameFrom, OwnerFrom, Rules, Sheet, Team, drafts, fitted, sheet,
    unknown, wishes,
};
use crate::inventory::{Snapshot, read};
use crate::journal::replicas::Replica;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Shows entries for secrets that exist and are not in the inventory, or writes them. Each says `manage = "track"`:
/// nothing is rotated, and no value is read.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["store", "csv"]))]
pub(super) struct Args {
    /// From what a store holds, named as the inventory of an environment does, such as production/main.
    #[arg(value_name = "ENVIRONMENT/STORE")]
    store: Option<StoreName>,
    /// From a CSV file; its first line names the columns.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Adds the entries to this file of the inventory, which may exist; without it, nothing is written.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Where names come from: path, last (its last part), tag:KEY (of the store).
    #[arg(long, value_name = "FROM", default_value = "path")]
    name_from: NameFrom,
    /// Where owners come from: tag:KEY (of the store), or one owner for all. Without it, the inventory's defaults hold.
    #[arg(long, value_name = "FROM")]
    owner_from: Option<OwnerFrom>,
    /// How to write the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// What there is to say.
#[derive(Default)]
struct Imported {
    drafts: Vec<Draft>,
    findings: Vec<Finding>,
    known: usize,
    /// Drafts of other environments than that of the file.
    elsewhere: usize,
    written: bool,
    now_ms: i64,
    daemons: Vec<Replica>,
}

const COLUMNS: [Column; 4] = [("SECRET", 44), ("OWNER", 16), ("FROM", 40), ("PROBLEM", 80)];

/// One item.
#[derive(Serialize)]
struct Item<'a> {
    /// `written`, `would_be_written` or `finding`.
    result: &'static str,
    from: &'a str,
    id: Option<&'a str>,
    owner: Option<&'a str>,
    store: Option<&'a str>,
    path: Option<&'a str>,
    fields: &'a [String],
    problem: Option<&'a str>,
    help: Option<&'a str>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = context.config()?;
    let rules = Rules {
        name_from: args.name_from.clone(),
        owner_from: args.owner_from.clone(),
    };
    let imported = match (&args.store, &args.csv) {
        (Some(store), _) => from_store(context, store, &rules).await?,
        (None, Some(csv)) => from_sheet(context, &config, csv, &rules)?,
        (None, None) => return Err(Failure::usage("name a store, or a file by --csv")),
    };
    let imported = match &args.write {
        Some(file) => write(&config, file, imported)?,
        None => imported,
    };
    tell(args.output, &imported)?;
    summary(&imported, args.write.as_deref());
    Ok(match imported.findings.is_empty() {
        true => Exit::Done,
        false => Exit::Attention,
    })
}

async fn from_store(
    context: &Context,
    name: &StoreName,
    rules: &Rules,
) -> Result<Imported, Failure> {
    let found = discover(context, name).await?;
    let (wishes, native) = wishes(&name.environment, &name.store, &found.holdings);
    let (drafts, mut findings) = drafts(wishes, rules, &found.inventory);
    findings.extend(native);
    let is_known = |one: &&crate::inventory::Holding| one.id.is_some();
    Ok(Imported {
        drafts,
        findings,
        known: found.holdings.iter().filter(is_known).count(),
        now_ms: found.now_ms,
        daemons: found.daemons.alive,
        ..Imported::default()
    })
}

fn from_sheet(
    context: &Context,
    config: &Config,
    file: &Path,
    rules: &Rules,
) -> Result<Imported, Failure> {
    let shown = file.display();
    let failed = |why: String| Failure::new(Exit::Failed, format!("{shown}: {why}"));
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let Sheet {
        wishes,
        mut findings,
        ignored,
    } = sheet(&text).map_err(|error| failed(error.to_string()))?;
    for (column, near) in ignored {
        let near = near.map_or_else(String::new, |near| format!("; {near}"));
        anstream::eprintln!("warning: nobody reads column `{column}`{near}");
    }
    let inventory: Snapshot = read(config)?;
    let (wishes, known) = unknown(wishes, &inventory);
    let (drafts, found) = drafts(wishes, rules, &inventory);
    findings.extend(found);
    Ok(Imported {
        drafts,
        findings,
        known,
        now_ms: context.clock().now_ms(),
        ..Imported::default()
    })
}

/// Writes what fits. Of several environments, that of the file.
fn write(config: &Config, file: &Path, imported: Imported) -> Result<Imported, Failure> {
    let refused = |error| Failure::new(Exit::Failed, error);
    let team = Team::find(config, file).map_err(refused)?;
    let (ours, others): (Vec<Draft>, Vec<Draft>) = imported
        .drafts
        .into_iter()
        .partition(|draft| draft.id.environment() == team.environment);
    let Fitted {
        drafts,
        text,
        findings,
    } = fitted(config, &team, ours)?;
    if !drafts.is_empty() {
        team.add(&text).map_err(refused)?;
    }
    Ok(Imported {
        drafts,
        findings: imported.findings.into_iter().chain(findings).collect(),
        elsewhere: others.len(),
        written: true,
        ..imported
    })
}

fn tell(output: Output, imported: &Imported) -> Result<(), Failure> {
    let result = match imported.written {
        true => "written",
        false => "would_be_written",
    };
    if !output.is_json() {
        let drafts = imported.drafts.iter().map(draft_row);
        let findings = imported.findings.iter().map(finding_row);
        let rows: Vec<Vec<String>> = drafts.chain(findings).collect();
        anstream::print!("{}", output::rows(output, &COLUMNS, &rows));
        return Ok(());
    }
    let format = "keywheel/inventory-import/1";
    let mut envelope = Envelope::open(output, format, imported.now_ms, &imported.daemons)?;
    for draft in &imported.drafts {
        envelope.item(&draft_item(result, draft))?;
    }
    for finding in &imported.findings {
        envelope.item(&finding_item(finding))?;
    }
    envelope.close();
    Ok(())
}

fn draft_row(draft: &Draft) -> Vec<String> {
    let owner = draft.owner.clone().unwrap_or_default();
    vec![
        draft.id.to_string(),
        owner,
        draft.source.clone(),
        String::new(),
    ]
}

fn finding_row(finding: &Finding) -> Vec<String> {
    let from = finding.source.clone();
    vec!["-".to_owned(), String::new(), from, finding.problem.clone()]
}

fn draft_item<'a>(result: &'static str, draft: &'a Draft) -> Item<'a> {
    Item {
        result,
        from: &draft.source,
        id: Some(draft.id.as_str()),
        owner: draft.owner.as_deref(),
        store: Some(&draft.store),
        path: Some(&draft.path),
        fields: &draft.fields,
        problem: None,
        help: None,
    }
}

fn finding_item(finding: &Finding) -> Item<'_> {
    Item {
        result: "finding",
        from: &finding.source,
        id: None,
        owner: None,
        store: None,
        path: None,
        fields: &[],
        problem: Some(&finding.problem),
        help: finding.help.as_deref(),
    }
}

fn summary(imported: &Imported, file: Option<&Path>) {
    let (new, known, found) = (
        imported.drafts.len(),
        imported.known,
        imported.findings.len(),
    );
    let done = file.map_or_else(
        || "would be written".to_owned(),
        |file| format!("written to {}", file.display()),
    );
    anstream::eprintln!("{new} {done}, {known} known before, {found} findings; nothing is rotated");
    if imported.elsewhere > 0 {
        let count = imported.elsewhere;
        anstream::eprintln!(
            "{count} are of other environments: import again with a --write of theirs"
        );
    }
    let helps: BTreeSet<&str> = imported
        .findings
        .iter()
        .filter_map(|one| one.help.as_deref())
        .collect();
    for help in helps {
        anstream::eprintln!("help: {help}");
    }
    owners(&imported.findings);
    match (file, new) {
        (None, 0) | (Some(_), 0) => {}
        (None, _) => {
            anstream::eprintln!("next: the same with --write inventory/ENVIRONMENT/NAME.toml")
        }
        (Some(_), _) => anstream::eprintln!("next: keywheel check, then keywheel inventory apply"),
    }
}

/// Lines to paste, valid as they are; how an owner is reached is not guessed.
fn owners(findings: &[Finding]) {
    let missing: BTreeSet<&str> = findings
        .iter()
        .filter_map(|one| one.missing_owner.as_deref())
        .collect();
    if missing.is_empty() {
        return;
    }
    anstream::eprintln!(
        "owners to add below [owners] in inventory/shared.toml, with how each is reached:"
    );
    for owner in missing {
        let key = toml_edit::Key::new(owner);
        anstream::eprintln!("{key} = {{}}");
    }
}
