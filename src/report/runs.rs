//! Rotations as history tells them.

use super::when::{clock, exposure_seconds, rfc3339, span};
use crate::journal::audit::AuditRow;
use crate::journal::overview::RunLine;
use crate::rotation::words::Kind;
use serde::Serialize;

/// One rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunItem {
    /// Its id.
    pub rotation: String,
    /// The secret.
    pub id: String,
    /// Where it is, or how it ended.
    pub phase: &'static str,
    /// Whether it moves by itself.
    pub state: &'static str,
    /// Who or what asked for it.
    pub trigger: &'static str,
    /// How it was run.
    pub mode: &'static str,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// When it was opened.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// From report to refusal, in an emergency; until now where it is not over. Rounded up.
    pub exposure_seconds: Option<i64>,
    /// The phases with the moment each began.
    pub steps: Vec<StepItem>,
}

/// One step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepItem {
    /// When.
    pub at: String,
    /// Which phase it went to, or what was asked.
    pub what: String,
    /// A sentence, where there is one.
    pub detail: String,
}

/// Whether a row of the audit is a step worth a line of history: a move, a question, or what became of something that
/// was ended.
pub fn is_step(row: &AuditRow) -> bool {
    matches!(
        row.entry.action.as_str(),
        "open" | "takeover" | "phase" | "blocked" | "waiver"
    ) || is_end(row)
}

fn is_end(row: &AuditRow) -> bool {
    let kind = Kind::from_word(&row.entry.action);
    kind.is_some_and(|kind| kind.ends_old() || kind.ends_candidate())
        && row.entry.outcome != "intent"
}

/// A rotation with its steps.
pub fn run_item(run: &RunLine, steps: &[AuditRow], now_ms: i64) -> RunItem {
    let until = run.refused_ms.or(run.ended_ms).unwrap_or(now_ms);
    RunItem {
        rotation: run.id.clone(),
        id: run.secret_id.clone(),
        phase: run.phase.word(),
        state: run.state.word(),
        trigger: run.cause.word(),
        mode: run.mode.word(),
        reason: run.reason.clone(),
        actor: run.actor.clone(),
        started_at: rfc3339(run.created_ms),
        ended_at: run.ended_ms.map(rfc3339),
        exposure_seconds: run.reported_ms.map(|at| exposure_seconds(at, until)),
        steps: steps.iter().filter(|row| is_step(row)).map(step).collect(),
    }
}

fn step(row: &AuditRow) -> StepItem {
    let entry = &row.entry;
    let what = match entry.action.as_str() {
        "phase" => entry.outcome.clone(),
        action if is_end(row) => format!("{action} {}: {}", entry.destination, entry.outcome),
        action => format!("{action} {}", entry.outcome),
    };
    StepItem {
        at: rfc3339(row.at_ms),
        what,
        detail: entry.detail.clone(),
    }
}

/// One line for people.
pub fn run_line(run: &RunLine, now_ms: i64) -> String {
    let took = span(run.ended_ms.unwrap_or(now_ms) - run.created_ms);
    let how = match run.ended_ms {
        Some(at) => format!("{} {} after {took}", run.phase, clock(at, now_ms)),
        None => format!("{} ({}), for {took}", run.phase, run.state.word()),
    };
    let why = match run.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    format!(
        "{}  {how}  {} {} by {}{why}",
        run.secret_id,
        run.cause.word(),
        run.mode.word(),
        run.actor
    )
}

#[cfg(test)]
mod tests {
    use super::super::status::health::tests::run;
    use super::{run_item, run_line};
    use crate::rotation::phase::Phase;
    use crate::rotation::words::{Cause, State};

    #[test]
    fn a_line_says_how_long_and_why() {
        let mut run = run(Cause::Scheduled, State::Active);
        run.created_ms = 1_772_330_000_000;
        let now = run.created_ms + 3 * 3_600_000;
        run.reason = "due".to_owned();
        assert_eq!(
            run_line(&run, now),
            "production/a  verifying (active), for 3h  scheduled normal by schedule: due"
        );
        run.phase = Phase::Completed;
        run.ended_ms = Some(run.created_ms + 60_000);
        assert!(run_line(&run, now).starts_with("production/a  completed 01:54 after 1m  "));
    }

    #[test]
    fn exposure_is_from_report_to_refusal() {
        let mut run = run(Cause::Scheduled, State::Active);
        assert_eq!(run_item(&run, &[], 9_000).exposure_seconds, None);
        run.reported_ms = Some(1_000);
        assert_eq!(run_item(&run, &[], 9_000).exposure_seconds, Some(8));
        run.refused_ms = Some(4_001);
        assert_eq!(run_item(&run, &[], 9_000).exposure_seconds, Some(4));
    }
}
