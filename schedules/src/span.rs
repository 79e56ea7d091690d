//! A length of time as people write it: `90s`, `15m`, `24h`, `30d`, `2w`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A length of time in milliseconds, never negative. A day is 24 hours.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Span(i64);

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time; write a number and one of s, m, h, d, w, like \"30d\"")]
pub struct InvalidSpan(pub String);

const UNITS: [(char, i64); 5] = [
    ('w', 604_800_000),
    ('d', 86_400_000),
    ('h', 3_600_000),
    ('m', 60_000),
    ('s', 1_000),
];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many whole seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(seconds as i64 * 1_000)
    }

    /// So many days of 24 hours.
    pub const fn days(days: u32) -> Self {
        Self(days as i64 * 86_400_000)
    }

    /// In milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidSpan;

    fn try_from(text: String) -> Result<Self, InvalidSpan> {
        let parsed = UNITS.iter().find_map(|(unit, millis)| {
            let number: u32 = text.strip_suffix(*unit)?.parse().ok()?;
            i64::from(number).checked_mul(*millis)
        });
        match (parsed, text.as_str()) {
            (Some(millis), _) => Ok(Self(millis)),
            (None, "0") => Ok(Self::ZERO),
            (None, _) => Err(InvalidSpan(text)),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, millis): &&(char, i64)| self.0 > 0 && self.0 % millis == 0;
        match UNITS.iter().find(fits) {
            Some((unit, millis)) => write!(f, "{}{unit}", self.0 / millis),
            None => write!(f, "{}s", self.0 / 1_000),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a length of time: a number and one of s, m, h, d, w, like \"30d\"",
            "pattern": "^([0-9]+[smhdw]|0)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans_read_and_print_in_the_largest_whole_unit() {
        for (text, printed) in [
            ("90s", "90s"),
            ("24h", "1d"),
            ("14d", "2w"),
            ("0", "0s"),
            ("15m", "15m"),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), printed);
        }
        for wrong in ["", "d", "-1d", "1.5h", "1 d", "1y", "99999999999d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
