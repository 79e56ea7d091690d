//! What is wrong with a file, where, and what to do.

use super::Place;
use std::fmt;

/// One thing that is wrong in a file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to `keywheel.toml`.
    pub file: String,
    /// Counted from one; 0 where the whole file is meant.
    pub line: u32,
    /// In characters, counted from one; 0 where the whole file is meant.
    pub column: u32,
    /// What is wrong: a lower-case fragment without values.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// About one place.
    pub(crate) fn at(place: &Place, message: impl Into<String>) -> Self {
        Self {
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
            message: message.into(),
            help: None,
        }
    }

    /// About a whole file or folder.
    pub(crate) fn whole(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do, where something is known.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.message)?,
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The words as `` `a`, `b` ``.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// Help for a word that nobody knows: the nearest known one, or all of them where they are few.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None if known.len() <= MOST_LISTED => {
            Some(format!("known here: {}", listed(known.iter().copied())))
        }
        None => None,
    }
}

/// Longer lists help nobody.
const MOST_LISTED: usize = 12;

/// The known word that differs least, if it differs by a third of its letters at most.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    known
        .iter()
        .map(|candidate| (distance(candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn the_nearest_word_is_named_and_else_all_of_a_few() {
        let known = ["owner", "impact", "tags"];
        let near = did_you_mean("onwer", known);
        assert_eq!(near.as_deref(), Some("did you mean `owner`?"));
        let far = did_you_mean("zebra", known);
        assert_eq!(
            far.as_deref(),
            Some("known here: `owner`, `impact`, `tags`")
        );
        assert_eq!(did_you_mean("zebra", []), None);
    }
}
