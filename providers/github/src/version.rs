//! What is told of our secrets together: when the newest of them was written (pure).

use chrono::{DateTime, SecondsFormat, Utc};
use keywheel_contract::{Error, Result, VersionId};

/// When a secret was last written, by the server's clock, to the second.
pub(crate) type Written = DateTime<Utc>;

/// # Errors
/// `Unavailable`: it is no date.
pub(crate) fn written(text: &str) -> Result<Written> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|date| date.to_utc())
        .map_err(|_| Error::unavailable("a date that GitHub tells is none: check `address`"))
}

/// The version of a place, by the date of each of our secrets, `None` for one that is not there: the newest date, and
/// how many are there where some are not. `None` where none is.
pub(crate) fn version(dates: &[Option<Written>]) -> Option<VersionId> {
    let newest = newest(dates)?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let there = dates.iter().flatten().count();
    Some(VersionId::new(match there == dates.len() {
        true => newest,
        false => format!("{newest}({there}/{})", dates.len()),
    }))
}

pub(crate) fn newest(dates: &[Option<Written>]) -> Option<Written> {
    dates.iter().flatten().max().copied()
}

/// The date in a version's name.
pub(crate) fn date_of(version: &VersionId) -> Option<Written> {
    let date = version.as_str().split('(').next()?;
    written(date).ok()
}

#[cfg(test)]
mod tests {
    use super::{date_of, version, written};

    #[test]
    fn a_version_is_the_newest_date_and_what_is_missing() {
        let (old, new) = (
            written("2026-01-02T03:04:05Z").unwrap(),
            written("2026-01-02T03:04:06+00:00").unwrap(),
        );
        let named = |dates: &[Option<_>]| version(dates).map(|version| version.to_string());
        assert_eq!(named(&[None, None]), None);
        let whole = named(&[Some(new), Some(old)]).unwrap();
        assert_eq!(whole, "2026-01-02T03:04:06Z");
        assert_eq!(
            named(&[Some(old), None]).unwrap(),
            "2026-01-02T03:04:05Z(1/2)"
        );
        assert_eq!(date_of(&version(&[Some(old), None]).unwrap()), Some(old));
        assert!(written("yesterday").is_err());
    }
}
