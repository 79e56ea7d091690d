//! What acting commands share: the tools, the person, and how an outcome is told.

use super::context::Context;
use super::exit::{Exit, Failure};
use crate::actions::{ActionError, Person, Steered, Tools, ToolsError};
use crate::config::Config;
use crate::journal::Journal;
use keywheel_schedules::Span;

/// Journal and tools of an acting command.
pub(super) struct Bench {
    pub(super) config: Config,
    pub(super) journal: Journal,
    pub(super) tools: Tools,
}

impl Bench {
    pub(super) async fn open(context: &Context) -> Result<Self, Failure> {
        let (config, journal) = context.open().await?;
        let tools = Tools::new(&config, &journal).await?;
        Ok(Self {
            config,
            journal,
            tools,
        })
    }
}

/// Who is typing, with their reason.
pub(super) fn person(reason: impl Into<String>) -> Person {
    Person {
        actor: Context::actor(),
        reason: reason.into(),
    }
}

/// A reason that says something: the audit keeps it for ever.
pub(super) fn reason(text: &str) -> Result<String, Failure> {
    let trimmed = text.trim();
    match trimmed.is_empty() {
        true => Err(
            Failure::usage("an empty reason is none; nothing was changed")
                .next("repeat it with --reason \"why, or the ticket\""),
        ),
        false => Ok(trimmed.to_owned()),
    }
}

/// A length of time, for clap.
pub(super) fn span(text: &str) -> Result<Span, String> {
    text.parse::<Span>().map_err(|error| error.to_string())
}

/// A moment in RFC 3339, or a length of time counted from `now_ms`; epoch milliseconds.
pub(super) fn until(text: &str, now_ms: i64) -> Result<i64, Failure> {
    if let Ok(span) = text.parse::<Span>() {
        return Ok(now_ms + span.millis());
    }
    moment(text)
}

/// A moment in RFC 3339, epoch milliseconds.
pub(super) fn moment(text: &str) -> Result<i64, Failure> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed.map(|at| at.timestamp_millis()).map_err(|_| {
        Failure::usage(format!("`{text}` is no moment")).next("write it like 2026-12-01T03:00:00Z")
    })
}

/// Says what was asked and what happens next.
pub(super) async fn tell(journal: &Journal, steered: &Steered) -> Result<Exit, Failure> {
    let phase = &steered.phase;
    anstream::println!("{}: {phase}; {}", steered.id, steered.safe);
    anstream::eprintln!("{}", steered.next);
    if steered.rotation.is_some() {
        lonely(journal).await?;
    }
    Ok(Exit::Done)
}

/// Says so where nobody works on rotations; answers whether somebody does.
pub(super) async fn lonely(journal: &Journal) -> Result<bool, Failure> {
    let alive = !super::context::daemons(journal).await?.is_empty();
    if !alive {
        anstream::eprintln!(
            "no daemon is running: it is recorded and done once `keywheel daemon` runs"
        );
    }
    Ok(alive)
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Refused(refused) => {
                let mut lines = refused.why.lines().map(str::trim);
                let mut failure = Self::new(Exit::Failed, lines.next().unwrap_or_default());
                failure.lines.extend(lines.map(str::to_owned));
                failure.next = refused.next;
                failure
            }
            ActionError::Journal(error) => error.into(),
            ActionError::Values(_) | ActionError::Outside { .. } => Self::new(Exit::Failed, error),
        }
    }
}

impl From<ToolsError> for Failure {
    fn from(error: ToolsError) -> Self {
        match error {
            ToolsError::Journal(error) => error.into(),
            ToolsError::Seal(error) => Self::new(Exit::Configuration, error),
            ToolsError::System(_) => Self::new(Exit::Failed, error),
        }
    }
}
