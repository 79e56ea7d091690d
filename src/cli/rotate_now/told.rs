//! What is said of each rotation that was asked for: an item for scripts, a few lines for people.

use super::super::exit::Failure;
use super::super::heading::Daemons;
use super::super::output::{self, Column, Envelope, Output};
use crate::actions::what_is_safe;
use crate::journal::Journal;
use crate::journal::rotations::Run;
use crate::report::when::exposure_seconds;
use serde::Serialize;

const COLUMNS: [Column; 6] = [
    ("ID", 40),
    ("ROTATION", 36),
    ("PHASE", 12),
    ("STATE", 8),
    ("RESULT", 16),
    ("EXPOSURE-SECONDS", 16),
];

/// What became of one request so far.
pub(super) struct Told<'a> {
    /// The secret.
    pub(super) id: &'a str,
    /// Its rotation, once somebody opened it.
    pub(super) run: Option<&'a Run>,
    /// `queued`, `waiting`, `stopped`, `blocked`, `waits_for_person`, or how it ended.
    pub(super) result: &'static str,
}

/// One item; scripts rely on its names.
#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    rotation: Option<&'a str>,
    phase: Option<&'static str>,
    state: &'static str,
    result: &'static str,
    /// Rounded up: a credential that was exposed at all was exposed for a second.
    exposure_seconds: Option<i64>,
}

/// Writes all of them to stdout. Where scripts read stdout, people find on stderr what is not done yet.
///
/// # Errors
/// The journal cannot be read.
pub(super) async fn write(
    journal: &Journal,
    output: Output,
    all: &[Told<'_>],
) -> Result<(), Failure> {
    let daemons = Daemons::of(journal).await?;
    let now = journal.clock().now_ms();
    for told in all {
        let text = told.text(!daemons.alive.is_empty(), now);
        match output {
            Output::Table => anstream::print!("{text}"),
            _ if told.is_done() => {}
            _ => anstream::eprint!("{text}"),
        }
    }
    if output.is_json() {
        let mut envelope = Envelope::open(output, "keywheel/rotate-now/1", now, &daemons.alive)?;
        for told in all {
            envelope.item(&told.item(now))?;
        }
        envelope.close();
    } else if output != Output::Table {
        let rows: Vec<Vec<String>> = all.iter().map(|told| told.item(now).cells()).collect();
        anstream::print!("{}", output::rows(output, &COLUMNS, &rows));
    }
    Ok(())
}

/// Everything that a rotation waits for, in full.
pub(super) fn waits(run: &Run) -> Vec<String> {
    let waiting = run.waiting.iter();
    waiting
        .map(|wait| format!("waits for {} {}", wait.kind, wait.name))
        .collect()
}

impl Item<'_> {
    fn cells(&self) -> Vec<String> {
        let exposed = self.exposure_seconds.map(|seconds| seconds.to_string());
        vec![
            self.id.to_owned(),
            self.rotation.unwrap_or("-").to_owned(),
            self.phase.unwrap_or("-").to_owned(),
            self.state.to_owned(),
            self.result.to_owned(),
            exposed.unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl Told<'_> {
    fn is_done(&self) -> bool {
        matches!(self.result, "completed" | "proven")
    }

    /// Whether it goes on, by itself or once somebody works on it.
    fn goes_on(&self) -> bool {
        matches!(self.result, "queued" | "waiting" | "stopped" | "proven")
    }

    fn item(&self, now_ms: i64) -> Item<'_> {
        Item {
            id: self.id,
            rotation: self.run.map(|run| run.id.as_str()),
            phase: self.run.map(|run| run.phase.word()),
            state: self.run.map_or("queued", |run| run.state.word()),
            result: self.result,
            exposure_seconds: self.exposure(now_ms),
        }
    }

    /// From the report of a leak to the refusal of what leaked, or until now.
    fn exposure(&self, now_ms: i64) -> Option<i64> {
        let run = self.run?;
        let until = run.refused_ms.or(run.ended_ms).unwrap_or(now_ms);
        Some(exposure_seconds(run.reported_ms?, until))
    }

    /// Where it stands, what is safe, what it waits for, what happens next and how to watch.
    fn text(&self, is_served: bool, now_ms: i64) -> String {
        let mut lines = vec![self.headline(now_ms)];
        lines.extend(self.waits());
        lines.extend(self.next(is_served).map(|next| format!("next: {next}")));
        if self.result == "stopped" && self.run.is_none() {
            lines.push(format!("take it back: keywheel cancel {}", self.id));
        }
        if self.goes_on() {
            lines.push(format!("watch: keywheel show {} --watch", self.id));
        }
        lines.join("\n  ") + "\n"
    }

    fn headline(&self, now_ms: i64) -> String {
        let id = self.id;
        let how = match self.result {
            "waits_for_person" => "waits for a person",
            "waiting" => "still under way",
            "rolled_back" => "rolled back",
            "stopped" => "no longer watched",
            other => other,
        };
        let Some(run) = self.run else {
            let stays = if self.result == "stopped" {
                "its request stays; "
            } else {
                ""
            };
            return format!("{id}: {how}; {stays}nothing was changed, the credential in use works");
        };
        let phase = match run.phase.is_terminal() {
            true => String::new(),
            false => format!(" at {}", run.phase),
        };
        let exposed = self.exposure(now_ms).map_or_else(String::new, |seconds| {
            format!("; exposed for {seconds} s, rounded up")
        });
        format!("{id}: {how}{phase}; {}{exposed}", what_is_safe(run))
    }

    /// The question of a blocked one and all that is waited for, in full.
    fn waits(&self) -> Vec<String> {
        let Some(run) = self.run.filter(|run| !run.phase.is_terminal()) else {
            return Vec::new();
        };
        let question = run.question.split('\n').next().unwrap_or_default();
        let question = Some(question.to_owned()).filter(|text| !text.is_empty());
        question.into_iter().chain(waits(run)).collect()
    }

    fn next(&self, is_served: bool) -> Option<String> {
        let typed = self.typed();
        match (self.result, is_served) {
            ("queued", true) => Some("the daemon starts it within seconds".to_owned()),
            ("waiting" | "stopped" | "proven", true) => {
                typed.or_else(|| Some("the daemon goes on with it".to_owned()))
            }
            (_, false) if self.goes_on() => Some(format!(
                "no daemon is running, so nothing happens until one does: keywheel daemon, or keywheel rotate-now {} --wait",
                self.id
            )),
            _ => typed,
        }
    }

    /// The command that its question or one of its waits names.
    fn typed(&self) -> Option<String> {
        let run = self.run.filter(|run| !run.phase.is_terminal())?;
        let asked = run.question.split('\n').nth(1);
        let waits = run.waiting.iter().map(|wait| wait.next_command.as_str());
        let mut all = asked.into_iter().chain(waits);
        all.find(|command| !command.is_empty()).map(str::to_owned)
    }
}
