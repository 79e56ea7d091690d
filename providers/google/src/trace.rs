//! What became of a write: its note says where to look, and only the content whether it is ours.

use crate::api::Api;
use crate::marks::{Note, noted};
use crate::standing::Standing;
use keywheel_contract::{Error, ErrorKind, Mark, Result, SecretValue};

/// What is known of a marked write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It was never announced.
    Never,
    /// It was announced, and nobody added a version since.
    Nothing(Note),
    /// It was announced, and what was added since is not it.
    Others,
    /// It is this version.
    Made(Note, u64),
}

/// Looks at the versions newer than the one noted, each by its number: of all ways to ask, this one alone sees
/// what was just added (Google's page on consistency). `is_sent` tells whether a payload is the one that was sent.
///
/// # Errors
/// `UnknownOutcome`: one of them cannot be read any more, and none of the others is it. It is never guessed.
pub(crate) async fn follow(
    api: &Api,
    path: &str,
    standing: &Standing,
    mark: &Mark,
    is_sent: impl Fn(&SecretValue) -> bool + Send,
) -> Result<Trace> {
    let Some(note) = noted(&standing.secret.annotations, mark) else {
        return Ok(Trace::Never);
    };
    if let Some(number) = note.is {
        return Ok(Trace::Made(note, number));
    }
    let (mut made, mut hidden, mut others) = (None, None, false);
    for number in note.after + 1.. {
        match api.access(path, &number.to_string()).await {
            Ok((_, payload)) if is_sent(&payload) => {
                // Of two that are alike, the one that readers see, or the first.
                let current = standing.current_number() == Some(number);
                made = made.filter(|_| !current).or(Some(number));
            }
            Ok(_) => others = true,
            Err(error) if error.kind == ErrorKind::NotFound => break,
            Err(error) if error.kind == ErrorKind::Invalid => hidden = Some(number),
            Err(error) => return Err(error),
        }
    }
    match (made, hidden) {
        (Some(number), _) => Ok(Trace::Made(note, number)),
        (None, Some(number)) => Err(Error::unknown_outcome(format!(
            "version {number} of `{path}` is disabled or destroyed, so that nobody can say whether we added it"
        ))),
        (None, None) if others => Ok(Trace::Others),
        (None, None) => Ok(Trace::Nothing(note)),
    }
}
