//! The mark of a role: a line of its comment.

use crate::identity::{SALT_LENGTH, Value};
use keywheel_contract::{Error, Result, Tag};

/// The line of the comment that is ours begins with this. Other lines are other people's and stay.
const OURS: &str = "keywheel: ";

/// The state of a role, as its comment has it. A role without a mark has its value from before keywheel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// Which value stands, and what may still be set.
    pub(crate) numbers: keywheel_database::Mark<SALT_LENGTH>,
    /// Rotation and try that set it; empty for one from before keywheel.
    pub(crate) tag: String,
}

impl Mark {
    /// Reads the mark out of a comment.
    ///
    /// # Errors
    /// `Invalid`: our line is there, and somebody changed it.
    pub(crate) fn read(comment: &str) -> Result<Self> {
        let Some(line) = comment.lines().find_map(|line| line.strip_prefix(OURS)) else {
            return Ok(Self::default());
        };
        parse(line).ok_or_else(|| {
            Error::invalid(
                "the line of the role's comment that begins with `keywheel:` was changed: take it out, then what the role \
                 has now counts as its value from before keywheel",
            )
        })
    }

    /// The comment with this mark instead of the one it has.
    pub(crate) fn write(&self, comment: &str) -> String {
        let others = comment.lines().filter(|line| !line.starts_with(OURS));
        let numbers = &self.numbers;
        let state = if numbers.ended { "ended" } else { "live" };
        let tag = if self.tag.is_empty() { "-" } else { &self.tag };
        let ours = format!(
            "{OURS}fence={} value={} state={state} tag={tag}",
            numbers.fence, numbers.value
        );
        others.chain([ours.as_str()]).collect::<Vec<_>>().join("\n")
    }

    /// The mark after a value was set.
    ///
    /// # Errors
    /// `Conflict`: it comes too late, or somebody else changed the role meanwhile.
    pub(crate) fn set(&self, value: Value, tag: &Tag) -> Result<Self> {
        let numbers = &self.numbers;
        let same_run = run_of(tag.as_str()) == run_of(&self.tag);
        // Where another rotation sets the same again, that is its way back, and its own value, should it still be on its
        // way, has to find its number gone. One that holds one value goes back to the one before its own.
        let returns = match same_run {
            true => !numbers.ended && value.serial < numbers.value.serial,
            false => numbers.is_live(value),
        };
        Ok(Self {
            numbers: match returns {
                true => numbers.return_to(value),
                false => numbers.set(value)?,
            },
            tag: tag.as_str().to_owned(),
        })
    }

    /// The mark after a value was ended; `None` where nothing is to be done.
    pub(crate) fn end(&self, value: Value) -> Option<Self> {
        let numbers = self.numbers.end(value)?;
        let tag = self.tag.clone();
        Some(Self { numbers, tag })
    }
}

/// The rotation of a tag, without the number of its try.
fn run_of(tag: &str) -> &str {
    tag.rsplit_once('-').map_or(tag, |(run, _)| run)
}

fn parse(line: &str) -> Option<Mark> {
    let mut words = line.split(' ');
    let mut named = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
    let numbers = keywheel_database::Mark {
        fence: named("fence")?.parse().ok()?,
        value: Value::parse(named("value")?)?,
        ended: match named("state")? {
            "live" => false,
            "ended" => true,
            _ => return None,
        },
    };
    let tag = match named("tag")? {
        "-" => String::new(),
        tag => tag.to_owned(),
    };
    let whole = words.next().is_none() && numbers.value.serial <= numbers.fence;
    whole.then_some(Mark { numbers, tag })
}

#[cfg(test)]
mod tests {
    use super::Mark;
    use crate::identity::Value;
    use keywheel_contract::{ErrorKind, Tag};
    use proptest::prelude::*;

    fn value(serial: u64) -> Value {
        let byte = u8::try_from(serial % 251).unwrap();
        Value {
            serial,
            salt: (serial > 0).then_some([byte; 16]),
        }
    }

    fn tag(run: &str, attempt: u32) -> Tag {
        Tag::new(format!("keywheel-{run}-{attempt}"))
    }

    #[test]
    fn a_mark_is_read_back_and_other_peoples_lines_stay() {
        let mark = Mark::default().set(value(1), &tag("r1", 1)).unwrap();
        let comment = mark.write("for the shop\nask ml@example.com");
        assert!(
            comment.starts_with("for the shop\nask ml@example.com\nkeywheel: fence=1 value=1-")
        );
        assert_eq!(Mark::read(&comment).unwrap(), mark);
        let ended = mark.end(value(1)).unwrap();
        let again = ended.write(&comment);
        assert_eq!(Mark::read(&again).unwrap(), ended);
        assert_eq!(again.lines().count(), 3);
        assert_eq!(Mark::read("for the shop").unwrap(), Mark::default());
        for spoilt in [
            "keywheel: ",
            "keywheel: fence=1",
            "keywheel: fence=1 value=2-00 state=live tag=-",
            "keywheel: fence=0 value=0 state=gone tag=-",
            "keywheel: fence=0 value=0 state=live tag=- x",
        ] {
            assert!(Mark::read(spoilt).is_err(), "{spoilt}");
        }
    }

    #[test]
    fn a_value_is_set_once_and_again_and_never_late() {
        let fresh = Mark::default();
        let set = fresh.set(value(1), &tag("r1", 1)).unwrap();
        assert_eq!(
            set.set(value(1), &tag("r1", 2)).unwrap().tag,
            "keywheel-r1-2"
        );
        let ended = set.end(value(1)).unwrap();
        let late = |mark: &Mark| mark.set(value(1), &tag("r1", 1)).unwrap_err().kind;
        assert_eq!(late(&ended), ErrorKind::Conflict { seen: None });
        let next = ended.set(value(2), &tag("r2", 1)).unwrap();
        assert_eq!(late(&next), ErrorKind::Conflict { seen: None });
        assert_eq!(next.end(value(1)), None);
    }

    #[test]
    fn a_value_that_never_arrived_is_shut_out_by_its_end() {
        let burnt = Mark::default().end(value(1)).unwrap();
        assert!(burnt.numbers.is_live(Value::default()));
        assert!(burnt.set(value(1), &tag("r1", 1)).is_err());
        assert!(burnt.set(value(2), &tag("r2", 1)).is_ok());
    }

    #[test]
    fn going_back_shuts_out_the_value_that_was_left() {
        let before = Mark::default().set(value(1), &tag("r1", 1)).unwrap();
        for arrived in [true, false] {
            let mut mark = before.clone();
            if arrived {
                mark = mark.set(value(2), &tag("r2", 1)).unwrap();
            }
            for attempt in 1..4 {
                mark = mark.set(value(1), &tag("r2", attempt)).unwrap();
            }
            assert!(mark.set(value(2), &tag("r2", 3)).is_err(), "{arrived}");
            assert!(mark.set(value(mark.numbers.next()), &tag("r3", 1)).is_ok());
        }
    }

    #[test]
    fn another_rotation_cannot_go_back_to_a_value_it_did_not_follow() {
        let mark = Mark::default().set(value(1), &tag("r1", 1)).unwrap();
        let mark = mark.set(value(2), &tag("r2", 1)).unwrap();
        assert!(mark.set(value(1), &tag("r1", 9)).is_err());
    }

    proptest! {
        /// Whatever is done in whatever order, numbers never fall, and a value that was ended or left never comes back.
        #[test]
        fn what_is_gone_stays_gone(steps in prop::collection::vec((0..3u8, 0..6u64, 0..4u8), 1..40)) {
            let mut mark = Mark::default();
            let mut gone: Vec<Value> = Vec::new();
            for (what, back, run) in steps {
                let value = value(mark.numbers.next().saturating_sub(back));
                let before = mark.clone();
                match what {
                    0 => if let Some(ended) = mark.end(value) { mark = ended; gone.push(value); },
                    // Each rotation makes one value and never applies another one's.
                    _ => if let Ok(set) = mark.set(value, &tag(&format!("v{}", value.serial), run.into())) { mark = set; },
                }
                prop_assert!(mark.numbers.fence >= before.numbers.fence);
                prop_assert!(!gone.iter().any(|gone| mark.numbers.is_live(*gone)));
                if mark.numbers.value != before.numbers.value { gone.push(before.numbers.value); }
            }
        }
    }
}
