//! Notes of ours in a secret's annotations: which write was announced when, and which version it is (pure).
//!
//! Readers of payloads never see them. They hold numbers and the rotation's id, never anything that is derived
//! from a value: whoever may read annotations need not be allowed to read payloads.

use keywheel_contract::{Error, Mark, Result};
use std::collections::HashMap;

pub(crate) type Annotations = HashMap<String, String>;

/// Annotations of ours begin with this.
const PREFIX: &str = "keywheel-";
/// As many digits of a token as tell two apart for certain.
const DIGITS: usize = 32;
/// Notes of older writes are nobody's question any more.
const REMEMBERED: usize = 16;
/// All annotations of a secret together stay below this many bytes: the service's documented limit.
const MOST_BYTES: usize = 16 * 1024;
/// What our notes may take of it: each has at most 41 bytes of name and 100 of text.
const OURS: usize = (REMEMBERED + 1) * 160;

/// What is known of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    /// It got a number above this one, if any.
    pub(crate) after: u64,
    /// Readers saw this version when it was announced; 0 for none.
    pub(crate) over: u64,
    /// It was promoted, and is this version.
    pub(crate) is: Option<u64>,
}

impl Note {
    fn read(text: &str) -> Option<Self> {
        let part = |name: &str| {
            let mut parts = text.split(' ').filter_map(|part| part.split_once('='));
            let (_, number) = parts.find(|(key, _)| *key == name)?;
            number.parse().ok()
        };
        Some(Self {
            after: part("after")?,
            over: part("over")?,
            is: part("is"),
        })
    }

    fn text(&self, mark: &Mark) -> String {
        let Self { after, over, is } = self;
        let is = is.map_or_else(String::new, |number| format!(" is={number}"));
        let rotation: String = mark.rotation.as_str().chars().take(48).collect();
        format!("after={after} over={over}{is} rotation={rotation}")
    }
}

/// What is noted under this mark.
pub(crate) fn noted(annotations: &Annotations, mark: &Mark) -> Option<Note> {
    annotations
        .get(&name_of(mark))
        .and_then(|text| Note::read(text))
}

/// Whether we ever announced a write while there was no version at all.
pub(crate) fn began_empty(annotations: &Annotations) -> bool {
    let mut notes = annotations.iter().filter(|(name, _)| is_ours(name));
    notes.any(|(_, text)| Note::read(text).is_some_and(|note| note.after == 0))
}

/// All annotations with this note among them, and without notes that nobody asks for any more.
pub(crate) fn with(annotations: &Annotations, mark: &Mark, note: &Note) -> Annotations {
    let name = name_of(mark);
    let mut ours: Vec<(u64, &String)> = annotations
        .iter()
        .filter(|(other, _)| is_ours(other) && **other != name)
        .map(|(other, text)| (Note::read(text).map_or(0, |note| note.after), other))
        .collect();
    ours.sort_unstable_by(|a, b| b.cmp(a));
    let stale: Vec<&String> = ours
        .iter()
        .skip(REMEMBERED)
        .map(|(_, other)| *other)
        .collect();
    let kept = annotations
        .iter()
        .filter(|(other, _)| !stale.contains(other));
    let mut all: Annotations = kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    all.insert(name, note.text(mark));
    all
}

/// Bytes of other people's annotations.
pub(crate) fn theirs(annotations: &Annotations) -> usize {
    let theirs = annotations.iter().filter(|(name, _)| !is_ours(name));
    theirs.map(|(name, text)| name.len() + text.len()).sum()
}

/// # Errors
/// `Invalid`: other people's annotations leave no room for ours.
pub(crate) fn ensure_room(path: &str, annotations: &Annotations) -> Result<()> {
    let theirs = theirs(annotations);
    if theirs + OURS < MOST_BYTES {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the annotations of `{path}` take {theirs} of {MOST_BYTES} bytes, and keywheel's notes need {OURS}: remove \
         some"
    )))
}

fn name_of(mark: &Mark) -> String {
    let digits = mark.token.get(..DIGITS).unwrap_or(&mark.token);
    format!("{PREFIX}{digits}")
}

fn is_ours(name: &str) -> bool {
    let digits = name.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{Annotations, MOST_BYTES, Note, began_empty, ensure_room, noted, with};
    use keywheel_contract::{Mark, RotationId};

    fn mark(number: u64) -> Mark {
        Mark {
            rotation: RotationId::new("0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"),
            token: format!("{number:064}").chars().rev().collect(),
        }
    }

    fn note(after: u64) -> Note {
        Note {
            after,
            over: after,
            is: None,
        }
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let promoted = Note {
            after: 3,
            over: 2,
            is: Some(4),
        };
        let all = with(&Annotations::new(), &mark(1), &promoted);
        assert_eq!(noted(&all, &mark(1)), Some(promoted));
        assert_eq!(noted(&all, &mark(2)), None);
        assert!(!began_empty(&all));
        assert!(began_empty(&with(&all, &mark(2), &note(0))));
    }

    #[test]
    fn notes_do_not_pile_up_and_other_people_s_stay() {
        let theirs = ("keywheel-note".to_owned(), "by hand".to_owned());
        let mut all: Annotations = [theirs.clone()].into_iter().collect();
        for number in 1..=100 {
            all = with(&all, &mark(number), &note(number));
        }
        assert_eq!(all.get(&theirs.0), Some(&theirs.1));
        assert_eq!(all.len(), 18);
        assert!(noted(&all, &mark(100)).is_some() && noted(&all, &mark(84)).is_some());
        assert!(noted(&all, &mark(83)).is_none());
        assert!(ensure_room("a", &all).is_ok());
        all.insert("big".into(), "x".repeat(MOST_BYTES - 2000));
        assert!(ensure_room("a", &all).is_err());
    }
}
