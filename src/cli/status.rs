//! `keywheel status`: every secret, worst first, with one question and one command for each that needs a person.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{self, Column, Envelope, Output};
use super::selector::Selector;
use crate::journal::{Journal, spares};
use crate::report::select::Selection;
use crate::report::status::{self, Health, Item, Line, Overview};
use crate::report::when::{ago, due};
use std::time::Duration;

/// Shows every secret, worst first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    selector: Selector,
    /// List every secret; of more than 200 only the worst are listed otherwise, and none that is ok.
    #[arg(long)]
    all: bool,
    /// Exit with 3 where something needs attention, with 4 where something is overdue.
    #[arg(long)]
    check: bool,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Show it again every two seconds.
    #[arg(long, conflicts_with = "check")]
    watch: bool,
}

/// Of more secrets than this the worst are shown, and the others counted.
const SHOWN_MAX: usize = 200;
/// Secrets named that lack spares.
const LOW_MAX: i64 = 20;
const PAGE: usize = 500;
/// Characters of the column that says what is waited for.
const WAITS_FOR: usize = 18;
const COLUMNS: [Column; 9] = [
    ("!", 1),
    ("ID", 29),
    ("HEALTH", 8),
    ("LAST", 4),
    ("NEXT", 8),
    ("PROVEN", 6),
    ("OLD-KEY", 8),
    ("WAITS-FOR", WAITS_FOR),
    ("OWNER", 10),
];

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    if !args.selector.selection().names.is_empty() {
        args.selector.check_names(&journal).await?;
    }
    loop {
        let exit = once(&journal, &args).await?;
        if !args.watch {
            return Ok(exit);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        anstream::print!("\x1b[2J\x1b[H");
    }
}

async fn once(journal: &Journal, args: &Args) -> Result<Exit, Failure> {
    let daemons = Daemons::of(journal).await?;
    let selection = args.selector.selection();
    let whole = selection.is_empty();
    let shown_max = match args.all || args.output != Output::Table {
        true => usize::MAX,
        false => SHOWN_MAX,
    };
    let (overview, now) = read(journal, selection, shown_max).await?;
    let heading = daemons.heading(&journal.address().to_string(), now);
    match args.output {
        Output::Table => anstream::println!("{heading}"),
        _ => anstream::eprintln!("{heading}"),
    }
    match args.output.is_json() {
        true => write_json(journal, args.output, &daemons, &overview, now).await?,
        false => write_rows(journal, args.output, &overview, now, whole).await?,
    }
    if args.output == Output::Table {
        tell_low_standby(journal).await?;
    }
    Ok(if args.check {
        verdict(&overview)
    } else {
        Exit::Done
    })
}

/// Secrets for which an emergency would have to wait for a person.
async fn tell_low_standby(journal: &Journal) -> Result<(), Failure> {
    let low = journal
        .read(async |tx| spares::low(tx, LOW_MAX).await)
        .await?;
    for one in low {
        let (id, ready, wanted) = (one.secret_id, one.ready, one.wanted);
        anstream::println!("{id}: {ready} of {wanted} spares ready.  keywheel standby add {id}");
    }
    Ok(())
}

async fn read(
    journal: &Journal,
    selection: Selection,
    shown_max: usize,
) -> Result<(Overview, i64), Failure> {
    let work = async move |tx: &mut crate::journal::Tx| {
        let overview = status::overview(tx, &selection, shown_max).await?;
        Ok((overview, tx.now_ms()))
    };
    Ok(journal.read(work).await?)
}

/// Attention comes before overdue, which is told even where something worse hides it.
fn verdict(overview: &Overview) -> Exit {
    let asks = overview
        .counts
        .keys()
        .any(|health| health.needs_attention() && *health != Health::Overdue);
    let attention = if asks { Exit::Attention } else { Exit::Done };
    match overview.overdue {
        0 => attention,
        _ => attention.or(Exit::Overdue),
    }
}

async fn write_json(
    journal: &Journal,
    output: Output,
    daemons: &Daemons,
    overview: &Overview,
    now_ms: i64,
) -> Result<(), Failure> {
    let mut envelope = Envelope::open(output, "keywheel/status/1", now_ms, &daemons.alive)?;
    for page in overview.shown.chunks(PAGE) {
        for (_, item) in filled(journal, page).await? {
            envelope.item(&item)?;
        }
    }
    envelope.close();
    Ok(())
}

async fn write_rows(
    journal: &Journal,
    output: Output,
    overview: &Overview,
    now_ms: i64,
    whole: bool,
) -> Result<(), Failure> {
    let (mut rows, mut told) = (Vec::new(), Vec::new());
    for page in overview.shown.chunks(PAGE) {
        for (line, item) in filled(journal, page).await? {
            rows.push(row(&line, &item, now_ms));
            told.extend(below(&line, &item, now_ms));
        }
    }
    anstream::print!("{}", output::rows(output, &COLUMNS, &rows));
    if output == Output::Table {
        foot(overview, &told, whole);
    }
    Ok(())
}

/// What the row cannot say: everything that is waited for, the question to a person, and the command to type.
fn below(line: &Line, item: &Item, now_ms: i64) -> Option<String> {
    let ask = line.ask(old_key(item), now_ms);
    let waits = line.waits_in_full(WAITS_FOR, now_ms);
    let mark = if ask.is_some() || item.expires_too_soon {
        "!"
    } else {
        " "
    };
    let question = ask.as_ref().map(|ask| ask.question.clone());
    let ends = item.expires_at.as_ref().filter(|_| item.expires_too_soon);
    let ends =
        ends.map(|at| format!("The credential in use ends {at}, before a rotation could help."));
    let is_said = |waits: &String| question.as_ref().is_some_and(|told| told.contains(waits));
    let waits = waits.filter(|waits| !is_said(waits));
    let waits = waits.map(|waits| format!("Waits for {waits}."));
    let said: Vec<String> = question.into_iter().chain(waits).chain(ends).collect();
    let said = Some(said.join(" ")).filter(|said| !said.is_empty())?;
    let sentence = output::wrapped(&format!("{mark} {}  {said}", item.id), 4);
    let command = ask.map_or_else(String::new, |ask| format!("\n    {}", ask.command));
    Some(sentence + &command)
}

fn foot(overview: &Overview, told: &[String], whole: bool) {
    match (overview.total(), whole) {
        (0, true) => anstream::println!("no secrets; `keywheel inventory apply` brings them in"),
        (0, false) => anstream::println!("no secret is all of this at once"),
        _ => {}
    }
    let hidden = overview.hidden.iter();
    let hidden =
        hidden.map(|(health, count)| format!("{count} {}", health.word().replace('_', " ")));
    let hidden: Vec<String> = hidden.collect();
    if !hidden.is_empty() {
        anstream::println!("and {}; --all lists them", hidden.join(", "));
    }
    for one in told {
        anstream::println!("{one}");
    }
}

async fn filled(
    journal: &Journal,
    page: &[(Health, String)],
) -> Result<Vec<(Line, Item)>, Failure> {
    let ids: Vec<String> = page.iter().map(|(_, id)| id.clone()).collect();
    let work = async move |tx: &mut crate::journal::Tx| {
        let lines = status::lines(tx, &ids).await?;
        let items = status::fill(tx, &lines).await?;
        Ok(lines.into_iter().zip(items).collect())
    };
    Ok(journal.read(work).await?)
}

fn row(line: &Line, item: &Item, now_ms: i64) -> Vec<String> {
    let proven: usize = item
        .consumers
        .iter()
        .map(|one| one.instances_proven.min(one.instances))
        .sum();
    let instances: usize = item.consumers.iter().map(|one| one.instances).sum();
    let asks = line.ask("", now_ms).is_some() || item.expires_too_soon;
    let mark = line.health.needs_attention() || asks;
    let secret = &line.secret;
    vec![
        if mark { "!" } else { " " }.to_owned(),
        secret.id.clone(),
        line.health.word().replace('_', " "),
        ago(secret.last_rotated_ms, now_ms),
        due(secret.next_rotation_ms, now_ms),
        format!("{proven}/{instances}"),
        old_key(item).to_owned(),
        line.waits_for(now_ms),
        secret.owner.clone(),
    ]
}

/// A generated value is not revoked by anybody, it is replaced; the screen says so.
fn old_key(item: &Item) -> &str {
    match item.old_credential_state.as_deref() {
        Some("replaced") => "replaced",
        _ => item.old_credential,
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, verdict};
    use crate::cli::exit::Exit;
    use crate::report::status::{Health, Overview};

    #[test]
    fn the_table_fits_a_hundred_columns() {
        let width: usize = COLUMNS.iter().map(|(_, width)| width).sum();
        assert!(width + COLUMNS.len() - 1 <= 100);
    }

    #[test]
    fn attention_comes_before_overdue() {
        let of = |health: Health, overdue: usize| {
            verdict(&Overview {
                counts: [(health, 1)].into(),
                overdue,
                ..Overview::default()
            })
        };
        assert_eq!(of(Health::Ok, 0), Exit::Done);
        assert_eq!(of(Health::Rotating, 1), Exit::Overdue);
        assert_eq!(of(Health::Overdue, 1), Exit::Overdue);
        assert_eq!(of(Health::Blocked, 0), Exit::Attention);
        assert_eq!(of(Health::Exposed, 1), Exit::Attention);
    }
}
