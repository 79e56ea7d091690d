//! What a suite found, one line a case.

use crate::Error;
use std::{fmt, future::Future, pin::Pin};

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider does what the contract says.
    Passed,
    /// The case does not apply, and why.
    Skipped(String),
    /// The provider breaks the contract, and how. Never holds a value.
    Failed(String),
}

/// One case of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What must hold, as a phrase.
    pub name: &'static str,
    /// How it ended.
    pub result: Outcome,
}

/// All cases of a suite, in the order they ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The cases.
    pub cases: Vec<Case>,
}

impl Report {
    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.count(|result| matches!(result, Outcome::Passed))
    }

    /// How many cases did not apply.
    pub fn skipped(&self) -> usize {
        self.count(|result| matches!(result, Outcome::Skipped(_)))
    }

    /// How many cases failed.
    pub fn failed(&self) -> usize {
        self.count(|result| matches!(result, Outcome::Failed(_)))
    }

    /// How the case of that name ended.
    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.cases
            .iter()
            .find(|case| case.name == name)
            .map(|case| &case.result)
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|c| wanted(&c.result)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Case { name, result } in &self.cases {
            match result {
                Outcome::Passed => writeln!(f, "passed   {name}")?,
                Outcome::Skipped(why) => writeln!(f, "skipped  {name}: {why}")?,
                Outcome::Failed(why) => writeln!(f, "FAILED   {name}: {why}")?,
            }
        }
        let (passed, skipped, failed) = (self.passed(), self.skipped(), self.failed());
        writeln!(f, "{passed} passed, {skipped} skipped, {failed} failed")
    }
}

/// Why a case stopped before its end.
pub(super) enum Stop {
    Skip(String),
    Fail(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(format!("answered {}: {error}", error.word()))
    }
}

/// How a case function ends.
pub(super) type Verdict = Result<(), Stop>;

/// A case that waits to be run.
pub(super) type Pending<'a> = (
    &'static str,
    Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>,
);

/// Runs the cases one after another.
pub(super) async fn run(pending: Vec<Pending<'_>>) -> Report {
    let mut report = Report::default();
    for (name, case) in pending {
        let result = match case.await {
            Ok(()) => Outcome::Passed,
            Err(Stop::Skip(why)) => Outcome::Skipped(why),
            Err(Stop::Fail(why)) => Outcome::Failed(why),
        };
        report.cases.push(Case { name, result });
    }
    report
}

/// Ends the case as skipped unless the provider can do what it is about.
pub(super) fn needs(can: bool, otherwise: &str) -> Verdict {
    if can {
        return Ok(());
    }
    Err(Stop::Skip(otherwise.to_owned()))
}

/// Ends the case as failed unless it holds.
pub(super) fn ensure(holds: bool, otherwise: &str) -> Verdict {
    if holds {
        return Ok(());
    }
    Err(Stop::Fail(otherwise.to_owned()))
}

/// Fails where an error shows the value, raw or as hexadecimal digits, in either of its text forms.
pub(super) fn ensure_silent(error: &Error, value: &str) -> Verdict {
    let shown = format!("{error}\n{error:?}");
    let encoded = hex::encode(value);
    let leaks = shown.contains(value) || shown.to_ascii_lowercase().contains(&encoded);
    ensure(!leaks, "an error shows the value")
}

/// Fresh random bytes as hexadecimal digits.
pub(super) fn random_hex<const BYTES: usize>() -> Result<String, Stop> {
    let mut bytes = [0; BYTES];
    crate::draw::fill(&mut bytes).map_err(|error| Stop::Fail(error.message))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Stop, ensure, ensure_silent, needs, run};
    use crate::Error;

    #[tokio::test]
    async fn a_report_prints_one_line_a_case_and_the_counts() {
        let report = run(vec![
            ("holds", Box::pin(async { ensure(true, "") })),
            ("breaks", Box::pin(async { ensure(false, "it is wrong") })),
            (
                "does not apply",
                Box::pin(async { needs(false, "it cannot") }),
            ),
        ])
        .await;
        assert_eq!(
            report.to_string(),
            "passed   holds\nFAILED   breaks: it is wrong\nskipped  does not apply: it cannot\n\
             1 passed, 1 skipped, 1 failed\n"
        );
        assert_eq!(report.outcome("holds"), Some(&Outcome::Passed));
    }

    #[test]
    fn an_error_that_shows_the_value_is_caught() {
        assert!(ensure_silent(&Error::invalid("wrong length"), "example").is_ok());
        for shown in ["got example", "got 6578616D706C65"] {
            let verdict = ensure_silent(&Error::invalid(shown), "example");
            assert!(matches!(verdict, Err(Stop::Fail(_))), "{shown}");
        }
    }
}
