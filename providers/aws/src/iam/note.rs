//! What keywheel writes on the user before it has a key made: `CreateAccessKey` takes no mark, so that only what was
//! there before tells which key a lost answer was about.

use keywheel_contract::Tag;

/// The tag of the IAM user that holds it.
pub(crate) const NOTE: &str = "keywheel";
/// A key that was made later than this after the note was not made by that call: it was given up long before.
const MADE_WITHIN_MS: i64 = 60_000;
/// AWS tells dates to the second.
const ROUNDING_MS: i64 = 2_000;

/// One announced mint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The tag of the mint.
    pub(crate) tag: String,
    /// When it was written, by AWS's clock. Epoch milliseconds.
    pub(crate) at_ms: i64,
    /// Ids of the keys that were there.
    pub(crate) before: Vec<String>,
}

impl Note {
    /// As the value of a tag: at most 256 letters, digits and few other characters
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>).
    pub(crate) fn text(&self) -> String {
        let before = self.before.join("+");
        format!("{}/{}/{before}", self.tag, self.at_ms / 1_000)
    }

    /// `None` where it is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (tag, at, before) = (parts.next()?, parts.next()?, parts.next().unwrap_or(""));
        let at: i64 = at.parse().ok()?;
        Some(Self {
            tag: tag.to_owned(),
            at_ms: at.checked_mul(1_000)?,
            before: before
                .split('+')
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Whether it announces the mint of this tag.
    pub(crate) fn announces(&self, tag: &Tag) -> bool {
        self.tag == tag.as_str()
    }

    /// Whether a key of this id was there before.
    pub(crate) fn knew(&self, id: &str) -> bool {
        self.before.iter().any(|known| known == id)
    }

    /// Whether the announced call can have made this key: it was not there before, and is as old as the call.
    pub(crate) fn may_have_made(&self, id: &str, made_ms: i64) -> bool {
        let from = self.at_ms - ROUNDING_MS;
        !self.knew(id) && (from..=self.at_ms + MADE_WITHIN_MS).contains(&made_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::Note;

    fn note(before: &[&str]) -> Note {
        Note {
            tag: "keywheel-01936d4e-0000-7000-8000-000000000000-12".to_owned(),
            at_ms: 1_800_000_000_000,
            before: before.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for before in [&[][..], &["AKIAEXAMPLEONE00"], &["A", "B"]] {
            assert_eq!(Note::parse(&note(before).text()), Some(note(before)));
        }
        assert!(note(&["AKIAEXAMPLEONE00", "AKIAEXAMPLETWO00"]).text().len() < 256);
        for other in ["", "platform/team", "x/99999999999999999999", "x/1e9"] {
            assert_eq!(Note::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_new_key_of_that_minute_can_be_ours() {
        let note = note(&["OLD"]);
        for (id, after_ms, ours) in [
            ("NEW", 0, true),
            ("NEW", -1_000, true),
            ("NEW", 30_000, true),
            ("NEW", 90_000, false),
            ("NEW", -3_600_000, false),
            ("OLD", 0, false),
        ] {
            assert_eq!(note.may_have_made(id, note.at_ms + after_ms), ours);
        }
    }
}
