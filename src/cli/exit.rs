//! Exit codes, and failures with what a person can do about them.

use crate::apply::ApplyError;
use crate::config::Problem;
use crate::daemon::BuildError;
use crate::journal;
use std::fmt::Display;

/// How a command ended. Of several, the first in this order counts: 5, 6, 1, 3, 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: used wrongly.
    Usage,
    /// 3: needs attention.
    Attention,
    /// 4: something is overdue.
    Overdue,
    /// 5: the audit is broken.
    AuditBroken,
    /// 6: cannot tell, as the journal is out of reach.
    CannotTell,
    /// 78: the configuration is wrong.
    Configuration,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Attention => 3,
            Self::Overdue => 4,
            Self::AuditBroken => 5,
            Self::CannotTell => 6,
            Self::Configuration => 78,
        }
    }

    /// The one of two that counts.
    pub(super) fn or(self, other: Self) -> Self {
        const ORDER: [Exit; 8] = [
            Exit::Configuration,
            Exit::Usage,
            Exit::AuditBroken,
            Exit::CannotTell,
            Exit::Failed,
            Exit::Attention,
            Exit::Overdue,
            Exit::Done,
        ];
        ORDER
            .into_iter()
            .find(|exit| *exit == self || *exit == other)
            .unwrap_or(Self::Failed)
    }
}

/// A command that failed: the code, what happened, and what to do next.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub(super) exit: Exit,
    /// What happened, one line each.
    pub(super) lines: Vec<String>,
    /// What to type or do next.
    pub(super) next: Option<String>,
}

impl Failure {
    /// A failure with one line.
    pub(super) fn new(exit: Exit, line: impl Display) -> Self {
        Self {
            exit,
            lines: vec![line.to_string()],
            next: None,
        }
    }

    /// Used wrongly.
    pub(super) fn usage(line: impl Display) -> Self {
        Self::new(Exit::Usage, line)
    }

    /// Adds what to do next.
    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Prints it to stderr and answers with its code.
    pub(super) fn report(self) -> Exit {
        for (index, line) in self.lines.iter().enumerate() {
            anstream::eprintln!("{}{line}", if index == 0 { "keywheel: " } else { "  " });
        }
        if let Some(next) = &self.next {
            anstream::eprintln!("next: {next}");
        }
        self.exit
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        let count = problems.len();
        let mut lines = vec![format!(
            "{count} problem{} found",
            if count == 1 { "" } else { "s" }
        )];
        lines.extend(problems.iter().map(ToString::to_string));
        Self {
            exit: Exit::Configuration,
            lines,
            next: None,
        }
    }
}

impl From<journal::Error> for Failure {
    fn from(error: journal::Error) -> Self {
        let exit = match &error {
            journal::Error::Refused(_) => Exit::Failed,
            journal::Error::Address { .. } | journal::Error::Exists { .. } => Exit::Configuration,
            _ => Exit::CannotTell,
        };
        Self::new(exit, error)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Journal(error) => error.into(),
            BuildError::Seal(error) => Self::new(Exit::Configuration, error),
            BuildError::System { .. } => Self::new(Exit::Failed, error),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Problems(problems) => problems.into(),
            ApplyError::Journal(error) => error.into(),
        }
    }
}
