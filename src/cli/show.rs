//! `keywheel show ID`: everything about one secret, and never its value.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::heading::Daemons;
use super::output::{Envelope, Prose};
use super::selector::Selector;
use crate::config::Config;
use crate::inventory::origins;
use crate::journal::{Journal, Tx};
use crate::report::portrait::{Portrait, portrait};
use crate::report::runs::run_line;
use crate::report::when::{ago, due, minute};
use keywheel_contract::SecretId;
use std::time::Duration;

/// Shows everything about one secret, and never its value.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The secret, such as production/api-key.
    id: String,
    /// Each resolved value of its inventory entry, with the file and line that decided it.
    #[arg(long, conflicts_with = "watch")]
    origin: bool,
    /// Show it again every two seconds.
    #[arg(long)]
    watch: bool,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    output: Prose,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (config, journal) = context.open().await?;
    if args.origin {
        return show_origins(&config, &journal, &args).await;
    }
    Selector::of(&args.id).check_names(&journal).await?;
    loop {
        once(&journal, &args).await?;
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        anstream::print!("\x1b[2J\x1b[H");
    }
}

async fn once(journal: &Journal, args: &Args) -> Result<(), Failure> {
    let daemons = Daemons::of(journal).await?;
    let id = args.id.clone();
    let work = async move |tx: &mut Tx| Ok((portrait(tx, &id).await?, tx.now_ms()));
    let (found, now) = journal.read(work).await?;
    let Some(found) = found else {
        return Err(Failure::new(
            Exit::Failed,
            format!("no secret is called {}", args.id),
        ));
    };
    if args.output.is_json() {
        let mut envelope = Envelope::open(args.output, "keywheel/show/1", now, &daemons.alive)?;
        envelope.item(&found)?;
        envelope.close();
        return Ok(());
    }
    anstream::println!("{}", daemons.heading(&journal.address().to_string(), now));
    anstream::print!("{}", text(&found, now));
    Ok(())
}

async fn show_origins(config: &Config, journal: &Journal, args: &Args) -> Result<Exit, Failure> {
    let id: SecretId = args.id.parse().map_err(Failure::usage)?;
    let values = origins(config, &id)?;
    if args.output.is_json() {
        let (alive, now) = (Daemons::of(journal).await?.alive, journal.clock().now_ms());
        let mut envelope = Envelope::open(args.output, "keywheel/origin/1", now, &alive)?;
        for one in &values {
            envelope.item(&serde_json::json!({
                "key": one.key, "value": one.value, "file": one.origin.file, "line": one.origin.line,
            }))?;
        }
        envelope.close();
        return Ok(Exit::Done);
    }
    let width = values
        .iter()
        .map(|one| one.key.chars().count())
        .max()
        .unwrap_or(0);
    for one in &values {
        let (key, origin) = (&one.key, &one.origin);
        anstream::println!(
            "{key:<width$}  {}  ({}:{})",
            one.value,
            origin.file,
            origin.line
        );
    }
    Ok(Exit::Done)
}

fn text(found: &Portrait, now_ms: i64) -> String {
    let mut lines = about(found, now_ms);
    section(&mut lines, "published to", destinations(found));
    section(&mut lines, "used by", consumers(found));
    section(&mut lines, "credentials", credentials(found));
    section(&mut lines, "rotation", rotation(found, now_ms));
    let history = found.runs.iter().map(|run| run_line(run, now_ms));
    section(&mut lines, "history", history.collect());
    lines.join("\n") + "\n"
}

fn section(lines: &mut Vec<String>, title: &str, body: Vec<String>) {
    if !body.is_empty() {
        lines.push(title.to_owned());
        lines.extend(body.into_iter().map(|line| format!("  {line}")));
    }
}

fn about(found: &Portrait, now_ms: i64) -> Vec<String> {
    let item = &found.item;
    let secret = &found.line.secret;
    let last = secret.last_rotated_ms;
    let last = last.map_or("never".to_owned(), |at| {
        format!("{} ago", ago(Some(at), now_ms))
    });
    let tags = match found.tags.join(" ") {
        none if none.is_empty() => none,
        tags => format!(" · tags {tags}"),
    };
    let mut lines = vec![
        format!("{}  {}", item.id, item.health.replace('_', " ")),
        format!(
            "  owner {} · schedule {} · {}{tags}",
            item.owner, item.schedule, item.manage
        ),
        format!(
            "  last rotated {last} · next {}",
            due(secret.next_rotation_ms, now_ms)
        ),
    ];
    let start = secret
        .start_ms
        .map_or("a person starts it".to_owned(), minute);
    lines.push(format!("  starts {start}: {}", found.start_reason));
    let help = match item.expires_too_soon {
        true => ", before a rotation could help",
        false => "",
    };
    let ends = item.expires_at.iter();
    lines.extend(ends.map(|at| format!("  the credential in use ends {at}{help}")));
    lines.extend(
        found
            .impact
            .iter()
            .map(|impact| format!("  impact: {impact}")),
    );
    lines.extend(
        found
            .issuer
            .iter()
            .map(|issuer| format!("  issuer: {issuer}")),
    );
    lines.extend(
        found
            .written_at
            .iter()
            .map(|place| format!("  written at {place}")),
    );
    lines
}

fn destinations(found: &Portrait) -> Vec<String> {
    let line = |one: &crate::report::status::DestinationItem| {
        let version = one
            .version
            .as_deref()
            .unwrap_or("nothing published by keywheel yet");
        let replaced = one.replaced.as_ref();
        let replaced =
            replaced.map_or_else(String::new, |word| format!(" (the one before: {word})"));
        format!("{}:{}  {version}{replaced}", one.store, one.path)
    };
    found.item.destinations.iter().map(line).collect()
}

fn consumers(found: &Portrait) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &found.item.consumers {
        let seen = one.seen_at.as_deref().unwrap_or("never");
        lines.push(format!(
            "{}  {}/{} proven, last seen {seen}",
            one.name, one.instances_proven, one.instances
        ));
        let mine = found
            .instances
            .iter()
            .filter(|seen| seen.consumer == one.name);
        lines.extend(mine.map(|seen| {
            format!(
                "  {}  holds {} ({}) {}",
                seen.instance, seen.holding, seen.evidence, seen.detail
            )
        }));
    }
    lines
}

fn credentials(found: &Portrait) -> Vec<String> {
    let line = |one: &crate::report::portrait::CredentialItem| {
        let issuer = one
            .issuer_ref
            .as_deref()
            .unwrap_or("not known to its issuer");
        format!(
            "{}  {}  {issuer}, since {}",
            one.credential, one.state, one.born_at
        )
    };
    found.credentials.iter().map(line).collect()
}

fn rotation(found: &Portrait, now_ms: i64) -> Vec<String> {
    let Some(rotation) = &found.item.rotation else {
        return Vec::new();
    };
    let mut lines = vec![format!(
        "{} {} ({}), {} {}",
        rotation.rotation, rotation.phase, rotation.state, rotation.trigger, rotation.mode
    )];
    for wait in &rotation.waiting_for {
        let until = wait.until.as_deref().unwrap_or("it happens");
        lines.push(format!(
            "waits for {} {} since {} until {until}",
            wait.kind, wait.name, wait.since
        ));
    }
    if let Some(ask) = found.line.ask(found.item.old_credential, now_ms) {
        lines.push(ask.question);
        lines.push(format!("next: {}", ask.command));
    }
    lines
}
