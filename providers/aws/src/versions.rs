//! All versions of a secret, also those without a label, and how many more it takes (pure).

use crate::secret::{CURRENT, PREVIOUS, STAGED};
use aws_sdk_secretsmanager::types::SecretVersionsListEntry;
use chrono::{DateTime, Utc};
use keywheel_contract::{Error, Found, Place, Result, Retired, Version, VersionId};

/// AWS keeps about this many versions; it drops those without a label first, but none of the last day.
const KEPT: usize = 100;
/// Left free for a rotation, its repeats and its way back.
const ROOM: usize = 10;
/// No version younger than this is dropped, whether it has a label or not. Milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// One version.
struct Listed {
    id: String,
    labels: Vec<String>,
    created_ms: i64,
}

/// Newest first.
#[derive(Default)]
pub(crate) struct Versions(Vec<Listed>);

impl Versions {
    pub(crate) fn new(entries: Vec<SecretVersionsListEntry>) -> Self {
        let listed = entries.into_iter().filter_map(|entry| {
            Some(Listed {
                created_ms: entry
                    .created_date
                    .and_then(|at| at.to_millis().ok())
                    .unwrap_or_default(),
                labels: entry.version_stages.unwrap_or_default(),
                id: entry.version_id?,
            })
        });
        let mut listed: Vec<_> = listed.collect();
        // Those of one moment are told apart by what became of them since.
        listed.sort_by_key(|version| (-version.created_ms, version.age()));
        Self(listed)
    }

    /// Newest first.
    pub(crate) fn list(&self) -> Vec<Version> {
        let version = |listed: &Listed| Version {
            id: VersionId::new(&listed.id),
            current: listed.has(CURRENT),
            enabled: true,
            // Nothing more can be taken from it; AWS drops it one day.
            ended: listed.labels.is_empty().then_some(Retired::Unlabelled),
        };
        self.0.iter().map(version).collect()
    }

    pub(crate) fn created_ms(&self, id: &str) -> Option<i64> {
        let listed = self.0.iter().find(|listed| listed.id == id)?;
        (listed.created_ms > 0).then_some(listed.created_ms)
    }

    /// What became of the write with this token. A version that lost all labels was current once, unless somebody
    /// took its label while it was staged: the safe answer of the two, for it leads to no write.
    pub(crate) fn find(&self, token: &str) -> Found {
        let Some(listed) = self.0.iter().find(|listed| listed.id == token) else {
            return Found::Absent;
        };
        let id = VersionId::new(token);
        match listed {
            listed if listed.has(CURRENT) => Found::Current(id),
            listed if listed.has(STAGED) && !listed.has(PREVIOUS) => Found::Staged(id),
            _ => Found::Superseded(id),
        }
    }

    /// How many versions the last day brought.
    pub(crate) fn of_the_last_day(&self, now_ms: i64) -> usize {
        self.young(now_ms).count()
    }

    /// Whether a rotation and its way back find room.
    ///
    /// # Errors
    /// `Invalid`, with the time from which on there is room.
    pub(crate) fn ensure_room(&self, place: &Place, now_ms: i64) -> Result<()> {
        let young = self.of_the_last_day(now_ms);
        if young + ROOM <= KEPT {
            return Ok(());
        }
        let blocking = self.young(now_ms).nth(KEPT - ROOM);
        let until = blocking
            .and_then(|listed| DateTime::<Utc>::from_timestamp_millis(listed.created_ms + DAY_MS))
            .map(|until| until.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        Err(Error::invalid(format!(
            "`{}` got {young} versions in the last 24 hours; AWS keeps about {KEPT} and drops none of that age: find \
             out who writes it so often, and wait until {}",
            place.path,
            until.unwrap_or_default()
        )))
    }

    fn young(&self, now_ms: i64) -> impl Iterator<Item = &Listed> {
        let since = now_ms - DAY_MS;
        self.0
            .iter()
            .filter(move |listed| listed.created_ms > since)
    }
}

impl Listed {
    fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }

    fn age(&self) -> u8 {
        match self {
            listed if listed.has(CURRENT) => 1,
            listed if listed.has(PREVIOUS) => 2,
            listed if listed.has(STAGED) => 0,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Versions};
    use crate::secret::{CURRENT, PREVIOUS, STAGED};
    use aws_sdk_secretsmanager::primitives::DateTime;
    use aws_sdk_secretsmanager::types::SecretVersionsListEntry;
    use keywheel_contract::{Found, Place, VersionId};

    fn entry(id: &str, created_ms: i64, labels: &[&str]) -> SecretVersionsListEntry {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        SecretVersionsListEntry::builder()
            .version_id(id)
            .created_date(DateTime::from_millis(created_ms))
            .set_version_stages(Some(labels))
            .build()
    }

    #[test]
    fn versions_of_one_moment_are_ordered_by_their_labels() {
        let versions = Versions::new(vec![
            entry("gone", 5, &[]),
            entry("old", 5, &[PREVIOUS]),
            entry("now", 5, &[CURRENT]),
            entry("next", 5, &[STAGED]),
            entry("late", 9, &[]),
        ]);
        let list = versions.list();
        let order: Vec<_> = list.iter().map(|version| version.id.as_str()).collect();
        assert_eq!(order, ["late", "next", "now", "old", "gone"]);
        assert_eq!(list.iter().filter(|version| version.current).count(), 1);
    }

    #[test]
    fn a_write_is_found_by_its_labels() {
        let versions = Versions::new(vec![
            entry("a", 1, &[CURRENT, STAGED]),
            entry("b", 1, &[STAGED]),
            entry("c", 1, &[PREVIOUS, STAGED]),
            entry("d", 1, &[]),
        ]);
        let id = VersionId::new;
        assert_eq!(versions.find("a"), Found::Current(id("a")));
        assert_eq!(versions.find("b"), Found::Staged(id("b")));
        assert_eq!(versions.find("c"), Found::Superseded(id("c")));
        assert_eq!(versions.find("d"), Found::Superseded(id("d")));
        assert_eq!(versions.find("e"), Found::Absent);
    }

    #[test]
    fn the_limit_of_a_day_leaves_room_for_the_way_back() {
        let place = Place {
            path: "a".into(),
            fields: Vec::new(),
            selector: None,
        };
        let made = |count: i64| {
            let each = (0..count).map(|n| entry(&n.to_string(), DAY_MS + n * 1000, &[]));
            Versions::new(each.chain([entry("older", 1, &[])]).collect())
        };
        let now = 2 * DAY_MS - 1;
        assert!(made(90).ensure_room(&place, now).is_ok());
        let full = made(91).ensure_room(&place, now).unwrap_err();
        assert!(full.message.contains("got 91 versions"), "{full}");
        assert!(
            full.message.contains("until 1970-01-03T00:00:00Z"),
            "{full}"
        );
    }
}
