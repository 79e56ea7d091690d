//! `keywheel vouch`: a named person lets a consumer pass without evidence.

use super::acting::{person, reason, span};
use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions;
use crate::rotation::{NEW_REVOKED, NEW_USED, OLD_REVOKED, OLD_UNUSED};
use chrono::{DateTime, SecondsFormat};
use keywheel_schedules::Span;

/// Lets a consumer pass without evidence, in your name, for a while; or says that you ended a credential at an
/// issuer where keywheel cannot.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(super) struct Args {
    /// The secret.
    #[arg(value_name = "SECRET")]
    id: String,
    /// The consumer's name in the inventory.
    #[arg(long, group = "subject")]
    consumer: Option<String>,
    /// You ended the old credential at its issuer.
    #[arg(long, group = "subject")]
    old_revoked: bool,
    /// You ended the provided credential at its issuer, on the way back.
    #[arg(long, group = "subject")]
    new_revoked: bool,
    /// Whoever still uses the old credential may lose it.
    #[arg(long, group = "subject")]
    old_unused: bool,
    /// Nobody has to be seen using the new credential.
    #[arg(long, group = "subject")]
    new_used: bool,
    /// Why you are sure.
    #[arg(long)]
    reason: String,
    /// How long it stands, at most 30d.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "7d",
        default_value_ifs([("old_revoked", "true", "1h"), ("new_revoked", "true", "1h")]))]
    until: Span,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let (_, journal) = context.open().await?;
    let person = person(reason(&args.reason)?);
    let subjects = [
        (args.old_revoked, OLD_REVOKED),
        (args.new_revoked, NEW_REVOKED),
        (args.old_unused, OLD_UNUSED),
        (args.new_used, NEW_USED),
    ];
    let said = subjects.into_iter().find(|(said, _)| *said);
    let consumer = args.consumer.as_deref().unwrap_or_default();
    let subject = said.map_or(consumer, |(_, subject)| subject);
    let for_ms = args.until.millis();
    let vouched = actions::vouch(&journal, &args.id, subject, for_ms, &person).await?;
    let until = DateTime::from_timestamp_millis(vouched.until_ms).map_or_else(String::new, |at| {
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    });
    let (id, subject, actor) = (&vouched.id, &vouched.subject, &person.actor);
    anstream::println!("{id}: {subject} is vouched for by {actor} until {until}");
    anstream::eprintln!(
        "two-person rules are not enforced on the command line: whoever can open the journal can vouch"
    );
    if let Some(phase) = vouched.phase {
        anstream::eprintln!("next: its rotation is {phase} and goes on without that evidence");
    }
    Ok(Exit::Done)
}
