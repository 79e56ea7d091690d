//! Whether an intent to end something rests on what its row says it rests on.

use super::meaning::Story;
use crate::rotation::NEW_USED;
use crate::rotation::decide::USE_SEEN;

/// Which credential the named instances must have been seen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resting {
    /// The old one is ended: everyone on the new one.
    OnNew,
    /// The candidate is ended on the way back: everyone on the old one.
    OnOld,
}

impl Resting {
    fn word(self) -> &'static str {
        match self {
            Self::OnNew => "new",
            Self::OnOld => "old",
        }
    }

    /// Evidence counts only after the write that it reads.
    fn since(self, story: &Story) -> i64 {
        let back = story.republished.filter(|_| self == Self::OnOld);
        back.or(story.published).unwrap_or(0)
    }
}

/// Holds the evidence column against the rows before it: `gateway: a b; nightly: waived by ana`,
/// `no consumers: why`, or `contain: …`; `new-used: seen by its issuer` beside them.
///
/// # Errors
/// What is missing, for people.
pub(super) fn rests(
    story: &Story,
    asks: Resting,
    named: &str,
    waived: impl Fn(&str) -> bool,
) -> Result<(), String> {
    if asks == Resting::OnOld && named.is_empty() {
        return all_back(story, asks, waived);
    }
    if named.is_empty() {
        return Err("it names none".to_owned());
    }
    let parts: Vec<&str> = named.split("; ").collect();
    parts
        .into_iter()
        .try_for_each(|part| one_part(story, asks, part, &waived))
}

fn one_part(
    story: &Story,
    asks: Resting,
    part: &str,
    waived: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let Some((subject, rest)) = part.split_once(": ") else {
        return Err(format!("`{part}` names no instance"));
    };
    if subject == "no consumers" {
        return Ok(());
    }
    if subject == "contain" {
        return match story.contains {
            true => Ok(()),
            false => Err("no row before it accepts the outage".to_owned()),
        };
    }
    if subject == NEW_USED && rest == USE_SEEN {
        return match story.used > story.published {
            true => Ok(()),
            false => Err("no row after the publish says who used the new one".to_owned()),
        };
    }
    if rest.starts_with("waived by ") {
        return match waived(subject) {
            true => Ok(()),
            false => Err(format!(
                "no waiver for {subject} is recorded before it that still stood"
            )),
        };
    }
    instances(story, asks, subject, rest)
}

/// Instances are separated by spaces, and may hold some: the longest name known is taken each time.
fn instances(story: &Story, asks: Resting, consumer: &str, named: &str) -> Result<(), String> {
    let prefix = format!("{consumer}/");
    let known = |rest: &str| {
        let names = story
            .seen
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix));
        let fits = names.filter(|name| {
            rest.strip_prefix(name)
                .is_some_and(|after| after.is_empty() || after.starts_with(' '))
        });
        fits.max_by_key(|name| name.len()).map(str::to_owned)
    };
    let mut rest = named.trim();
    while !rest.is_empty() {
        let Some(instance) = known(rest) else {
            return Err(format!("{consumer} ({rest}) was never seen"));
        };
        seen_on(story, asks, &format!("{prefix}{instance}"))?;
        rest = rest[instance.len()..].trim_start();
    }
    match named.trim().is_empty() {
        true => Err(format!("no instance of {consumer} is named")),
        false => Ok(()),
    }
}

fn seen_on(story: &Story, asks: Resting, instance: &str) -> Result<(), String> {
    let word = asks.word();
    match story.seen.get(instance) {
        Some(sight) if sight.outcome != word => {
            Err(format!("{instance} was last seen on {}", sight.outcome))
        }
        Some(sight) if sight.row <= asks.since(story) => Err(format!(
            "{instance} was seen on {word} only before the value was published"
        )),
        Some(_) => Ok(()),
        None => Err(format!("{instance} was never seen")),
    }
}

/// An intent that names nobody: each consumer that was ever seen must have been seen on the old one since.
/// Instances that are gone need not come back.
fn all_back(story: &Story, asks: Resting, waived: impl Fn(&str) -> bool) -> Result<(), String> {
    let consumer = |key: &str| key.split_once('/').map_or(key, |(name, _)| name).to_owned();
    let is_back = |name: &str| {
        let mut mine = story.seen.keys().filter(|key| consumer(key) == name);
        waived(name) || mine.any(|key| seen_on(story, asks, key).is_ok())
    };
    let missing = story.seen.keys().map(|key| consumer(key));
    match missing.into_iter().find(|name| !is_back(name)) {
        Some(name) => Err(format!("{name} was not seen back on the old credential")),
        None => Ok(()),
    }
}
