//! How a secret stands, in one word: the worst that is true of it.

use crate::journal::overview::{RunLine, SecretLine};
use crate::rotation::words::{Cause, State};

/// How a secret stands, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// A leak is reported, and the leaked credential is not refused yet.
    Exposed,
    /// A rotation asks a person.
    Blocked,
    /// Past due.
    Overdue,
    /// A rotation is under way.
    Rotating,
    /// Due soon.
    DueSoon,
    /// Nobody knows how old the credential in use is.
    Never,
    /// Somebody paused it.
    Paused,
    /// Nothing to say.
    Ok,
    /// No longer in the inventory.
    Retired,
}

impl Health {
    /// The word in JSON; screens show a space for the underscore.
    pub fn word(self) -> &'static str {
        match self {
            Self::Exposed => "exposed",
            Self::Blocked => "blocked",
            Self::Overdue => "overdue",
            Self::Rotating => "rotating",
            Self::DueSoon => "due_soon",
            Self::Never => "never",
            Self::Paused => "paused",
            Self::Ok => "ok",
            Self::Retired => "retired",
        }
    }

    /// Whether a person should look.
    pub fn needs_attention(self) -> bool {
        matches!(self, Self::Exposed | Self::Blocked | Self::Overdue)
    }

    /// Whether a long list may only count it.
    pub fn is_calm(self) -> bool {
        matches!(self, Self::Ok | Self::Retired)
    }
}

/// The worst that is true. `reported`: an emergency waits for its rotation.
pub fn health(secret: &SecretLine, run: Option<&RunLine>, reported: bool, now_ms: i64) -> Health {
    let past = |at: Option<i64>| at.is_some_and(|at| at < now_ms);
    let exposed = |run: &RunLine| run.cause == Cause::Emergency && run.refused_ms.is_none();
    let serving = secret.retired_ms.is_none();
    match () {
        () if reported || run.is_some_and(exposed) => Health::Exposed,
        () if run.is_some_and(|run| run.state == State::Blocked) => Health::Blocked,
        () if serving && past(secret.next_rotation_ms) => Health::Overdue,
        () if run.is_some() => Health::Rotating,
        () if !serving => Health::Retired,
        () if past(secret.soon_ms) => Health::DueSoon,
        () if secret.last_rotated_ms.is_none() => Health::Never,
        () if is_paused(secret, now_ms) => Health::Paused,
        () => Health::Ok,
    }
}

fn is_paused(secret: &SecretLine, now_ms: i64) -> bool {
    secret.paused_by.is_some() && secret.paused_until_ms.is_none_or(|until| now_ms < until)
}

#[cfg(test)]
pub(in crate::report) mod tests {
    use super::{Health, health};
    use crate::journal::overview::{RunLine, SecretLine};
    use crate::rotation::phase::Phase;
    use crate::rotation::words::{Cause, Mode, State};

    pub(in crate::report) fn run(cause: Cause, state: State) -> RunLine {
        RunLine {
            id: "r1".to_owned(),
            secret_id: "production/a".to_owned(),
            phase: Phase::Verifying,
            state,
            mode: Mode::Normal,
            cause,
            reason: String::new(),
            actor: "schedule".to_owned(),
            old_credential: Some("old".to_owned()),
            candidate: Some("new".to_owned()),
            created_ms: 500,
            phase_since_ms: 600,
            ended_ms: None,
            reported_ms: None,
            refused_ms: None,
            question: String::new(),
            waiting: Vec::new(),
        }
    }

    fn dated() -> SecretLine {
        SecretLine {
            last_rotated_ms: Some(100),
            soon_ms: Some(2_000),
            next_rotation_ms: Some(3_000),
            ..SecretLine::default()
        }
    }

    #[test]
    fn the_worst_counts() {
        let (secret, now) = (dated(), 1_000);
        let emergency = run(Cause::Emergency, State::Blocked);
        let blocked = run(Cause::Scheduled, State::Blocked);
        let waiting = run(Cause::Scheduled, State::Waiting);
        assert_eq!(
            health(&secret, Some(&emergency), false, now),
            Health::Exposed
        );
        assert_eq!(health(&secret, None, true, now), Health::Exposed);
        assert_eq!(
            health(&secret, Some(&blocked), false, 9_000),
            Health::Blocked
        );
        assert_eq!(
            health(&secret, Some(&waiting), false, 9_000),
            Health::Overdue
        );
        assert_eq!(
            health(&secret, Some(&waiting), false, now),
            Health::Rotating
        );
        assert_eq!(health(&secret, None, false, 2_500), Health::DueSoon);
        assert_eq!(health(&secret, None, false, now), Health::Ok);
    }

    #[test]
    fn an_emergency_whose_credential_is_refused_no_longer_exposes() {
        let mut ended = run(Cause::Emergency, State::Active);
        ended.refused_ms = Some(900);
        assert_eq!(
            health(&dated(), Some(&ended), false, 1_000),
            Health::Rotating
        );
    }

    #[test]
    fn undated_paused_and_retired() {
        let undated = SecretLine::default();
        assert_eq!(health(&undated, None, false, 1_000), Health::Never);
        let mut paused = dated();
        paused.paused_by = Some("ana".to_owned());
        assert_eq!(health(&paused, None, false, 1_000), Health::Paused);
        paused.paused_until_ms = Some(900);
        assert_eq!(health(&paused, None, false, 1_000), Health::Ok);
        paused.retired_ms = Some(1);
        assert_eq!(health(&paused, None, false, 9_000), Health::Retired);
    }
}
