//! One secret as JSON says it, and what a person is asked about it. Keys are added, never renamed.

use super::{Health, Line};
use crate::journal::overview::RunLine;
use crate::report::when::{clock, rfc3339, span};
use crate::rotation::plan::Waiting;
use crate::rotation::words::State;
use serde::Serialize;

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `environment/name`.
    pub id: String,
    /// The environment.
    pub environment: String,
    /// The name in it.
    pub name: String,
    /// Key of the owner.
    pub owner: String,
    /// The worst that is true of it.
    pub health: &'static str,
    /// `track`, `approve` or `auto`.
    pub manage: String,
    /// Name of its schedule.
    pub schedule: String,
    /// When the credential in use was published.
    pub last_rotated_at: Option<String>,
    /// When it is due.
    pub next_rotation_at: Option<String>,
    /// How long it is past due; zero where it is not.
    pub overdue_seconds: i64,
    /// `none`, `valid`, `disabled`, `refused` or `unknown`.
    pub old_credential: &'static str,
    /// Where it is published.
    pub destinations: Vec<DestinationItem>,
    /// Who uses it.
    pub consumers: Vec<ConsumerItem>,
    /// The rotation under way.
    pub rotation: Option<RotationItem>,
    /// Spares, where a person makes its credentials and the inventory wants some to be ready.
    pub standby: Option<Standby>,
    /// The state in the journal's own word, where there is an old credential: `replaced` among them.
    pub old_credential_state: Option<String>,
    /// When the credential in use ends by itself, where its issuer said so.
    pub expires_at: Option<String>,
    /// Whether that comes before the next rotation could have replaced it everywhere.
    pub expires_too_soon: bool,
}

/// Spares of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standby {
    /// How many are ready.
    pub ready: usize,
    /// How many should be.
    pub wanted: u32,
}

/// One place where it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DestinationItem {
    /// Key of the store.
    pub store: String,
    /// Path inside it.
    pub path: String,
    /// The version served, where we published one.
    pub version: Option<String>,
    /// What became of the version that the newest rotation replaced, in the word that is true of its store: `disabled`,
    /// `unlabelled`, `destroyed`, `scheduled` or `impossible`. None while it is as it was.
    pub replaced: Option<String>,
}

/// One consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerItem {
    /// Its name.
    pub name: String,
    /// Instances last seen on the credential they should hold.
    pub instances_proven: usize,
    /// Instances that have to be seen.
    pub instances: usize,
    /// The weakest evidence among them.
    pub evidence: Option<String>,
    /// When the last of them was seen.
    pub seen_at: Option<String>,
}

/// The rotation under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotationItem {
    /// Its id.
    pub rotation: String,
    /// Where it is.
    pub phase: &'static str,
    /// Whether it moves by itself.
    pub state: &'static str,
    /// Who or what asked for it.
    pub trigger: &'static str,
    /// How it is run.
    pub mode: &'static str,
    /// Why.
    pub reason: String,
    /// What it waits for; a question comes first, with kind `person`.
    pub waiting_for: Vec<WaitItem>,
}

/// Something it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitItem {
    /// What sort of thing.
    pub kind: String,
    /// Which.
    pub name: String,
    /// Since when.
    pub since: String,
    /// Until when at the latest, where that is known.
    pub until: Option<String>,
    /// What a person can type.
    pub next_command: String,
}

/// One question and one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What happened, and what is still safe.
    pub question: String,
    /// What to type.
    pub command: String,
}

impl RotationItem {
    /// The rotation of a row.
    pub fn new(run: &RunLine) -> Self {
        let question = run.question.split_once('\n');
        let asked = question.map(|(question, command)| WaitItem {
            kind: "person".to_owned(),
            name: question.to_owned(),
            since: rfc3339(run.phase_since_ms),
            until: None,
            next_command: command.to_owned(),
        });
        let waits = run.waiting.iter().map(|wait| WaitItem {
            kind: wait.kind.clone(),
            name: wait.name.clone(),
            since: rfc3339(wait.since_ms),
            until: wait.until_ms.map(rfc3339),
            next_command: wait.next_command.clone(),
        });
        Self {
            rotation: run.id.clone(),
            phase: run.phase.word(),
            state: run.state.word(),
            trigger: run.cause.word(),
            mode: run.mode.word(),
            reason: run.reason.clone(),
            waiting_for: asked.into_iter().chain(waits).collect(),
        }
    }
}

impl Line {
    /// What it waits for, in a few words.
    pub fn waits_for(&self, now_ms: i64) -> String {
        match (&self.run, self.health) {
            (Some(run), _) if run.state == State::Blocked => "a person".to_owned(),
            (Some(run), _) => run.waiting.first().map_or_else(
                || run.phase.word().to_owned(),
                |wait| few_words(wait, now_ms),
            ),
            (None, Health::Exposed) => "its rotation".to_owned(),
            (None, Health::Overdue) => match self.secret.start_ms {
                Some(start) if start > now_ms => format!("start {}", clock(start, now_ms)),
                Some(_) => "its start".to_owned(),
                None => "a person".to_owned(),
            },
            (None, Health::Never) => "a first date".to_owned(),
            (None, Health::Paused) => self.paused(now_ms),
            (None, _) => "-".to_owned(),
        }
    }

    /// All that its rotation waits for, where a cell of this width cannot say it.
    pub fn waits_in_full(&self, width: usize, now_ms: i64) -> Option<String> {
        let run = self.run.as_ref()?;
        let all: Vec<String> = run
            .waiting
            .iter()
            .map(|wait| few_words(wait, now_ms))
            .collect();
        let whole = all.join(", ");
        let is_cut = whole.chars().count() > width || all.len() > 1;
        (is_cut && !whole.is_empty()).then_some(whole)
    }

    fn paused(&self, now_ms: i64) -> String {
        let by = self.secret.paused_by.clone().unwrap_or_default();
        match self.secret.paused_until_ms {
            Some(until) => format!("{by}, {}", clock(until, now_ms)),
            None => by,
        }
    }

    /// What a person is asked, where anything is.
    pub fn ask(&self, old_key: &str, now_ms: i64) -> Option<Ask> {
        let id = &self.secret.id;
        let said = |question: String, command: String| Some(Ask { question, command });
        if let Some((question, command)) = self
            .run
            .as_ref()
            .and_then(|run| run.question.split_once('\n'))
        {
            let stop = if question.ends_with(['.', '?', '!']) {
                ""
            } else {
                "."
            };
            let question = format!("{question}{stop} Old key: {old_key}.");
            return said(question, command.to_owned());
        }
        match self.health {
            Health::Exposed => said(
                self.exposure(old_key, now_ms),
                format!("keywheel show {id} --watch"),
            ),
            Health::Overdue if self.run.is_none() && self.secret.start_ms.is_none() => said(
                "Past due, and nothing will start it by itself. The credential in use still works."
                    .to_owned(),
                format!("keywheel rotate-now {id}"),
            ),
            Health::Never if self.secret.start_ms.is_none() => said(
                "Nobody knows how old it is. One rotation gives it a date.".to_owned(),
                format!("keywheel rotate-now {id}"),
            ),
            _ => self.stuck(old_key),
        }
    }

    fn exposure(&self, old_key: &str, now_ms: i64) -> String {
        let reported = self.run.as_ref().and_then(|run| run.reported_ms);
        let since = reported.map_or_else(String::new, |at| format!(" for {}", span(now_ms - at)));
        let phase = self
            .run
            .as_ref()
            .map_or("not begun", |run| run.phase.word());
        format!("Leaked and not yet refused{since}; old key {old_key}, rotation {phase}.")
    }

    /// What a person has to do elsewhere, or what keeps failing.
    fn stuck(&self, old_key: &str) -> Option<Ask> {
        let run = self.run.as_ref()?;
        let is_stuck = |wait: &&Waiting| {
            matches!(
                wait.kind.as_str(),
                "person" | "retry" | "outcome" | "provider"
            )
        };
        let wait = run.waiting.iter().find(is_stuck)?;
        // A person who has mended the file finds nothing wrong with it: the daemon has to read it again.
        let also = match wait.kind.as_str() {
            "provider" => " A daemon reads keywheel.toml at its start and on SIGHUP.",
            _ => "",
        };
        Some(Ask {
            question: format!(
                "In {}, waiting for {} {}.{also} Old key: {old_key}.",
                run.phase, wait.kind, wait.name
            ),
            command: wait.next_command.clone(),
        })
    }
}

fn few_words(wait: &Waiting, now_ms: i64) -> String {
    match (wait.kind.as_str(), wait.until_ms) {
        ("consumer", _) => format!("{} {}", wait.name, span(now_ms - wait.since_ms)),
        (kind @ ("overlap" | "quiet" | "undo" | "window"), Some(until)) => {
            format!("{kind} {}", span(until - now_ms))
        }
        (kind, _) => format!("{kind} {}", wait.name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::health::tests::run;
    use super::super::{Health, Line};
    use crate::journal::overview::SecretLine;
    use crate::rotation::plan::Waiting;
    use crate::rotation::words::{Cause, State};

    fn line(health: Health, cause: Cause, state: State, question: &str) -> Line {
        let mut run = run(cause, state);
        run.question = question.to_owned();
        let secret = SecretLine {
            id: "production/a".to_owned(),
            ..SecretLine::default()
        };
        Line {
            health,
            secret,
            run: Some(run),
        }
    }

    #[test]
    fn a_blocked_one_asks_its_question_and_says_what_still_works() {
        let question = "Is chat-api still in use?\nkeywheel retry production/a";
        let told = line(
            Health::Blocked,
            Cause::Scheduled,
            State::Blocked,
            "it is down\nx",
        );
        let told = told.ask("valid", 9_000).unwrap().question;
        assert_eq!(told, "it is down. Old key: valid.");
        let line = line(Health::Blocked, Cause::Scheduled, State::Blocked, question);
        let ask = line.ask("valid", 9_000).unwrap();
        assert_eq!(ask.question, "Is chat-api still in use? Old key: valid.");
        assert_eq!(ask.command, "keywheel retry production/a");
        assert_eq!(line.waits_for(9_000), "a person");
    }

    #[test]
    fn an_exposed_one_says_for_how_long() {
        let mut line = line(Health::Exposed, Cause::Emergency, State::Active, "");
        line.run.as_mut().unwrap().reported_ms = Some(1_000);
        let ask = line.ask("disabled", 361_000).unwrap();
        assert_eq!(
            ask.question,
            "Leaked and not yet refused for 6m; old key disabled, rotation verifying."
        );
        assert_eq!(ask.command, "keywheel show production/a --watch");
    }

    #[test]
    fn what_keeps_failing_is_named_whole() {
        let mut line = line(Health::Rotating, Cause::Scheduled, State::Waiting, "");
        line.run.as_mut().unwrap().waiting = vec![Waiting {
            kind: "retry".to_owned(),
            name: "publish env:broken/three.env".to_owned(),
            since_ms: 1_000,
            until_ms: Some(9_000),
            next_command: "keywheel retry production/a".to_owned(),
        }];
        let ask = line.ask("valid", 2_000).unwrap();
        assert!(ask.question.contains("publish env:broken/three.env"));
        assert_eq!(
            line.waits_in_full(18, 2_000).unwrap(),
            "retry publish env:broken/three.env"
        );
        assert_eq!(line.waits_in_full(40, 2_000), None, "the cell says it");
    }

    #[test]
    fn a_wait_that_ends_by_itself_asks_nobody() {
        let mut line = line(Health::Rotating, Cause::Scheduled, State::Waiting, "");
        line.run.as_mut().unwrap().waiting = vec![Waiting {
            kind: "overlap".to_owned(),
            name: "both credentials work".to_owned(),
            since_ms: 0,
            until_ms: Some(10_800_000),
            next_command: String::new(),
        }];
        assert_eq!(line.ask("valid", 0), None);
        assert_eq!(line.waits_for(0), "overlap 3h");
    }
}
