//! The first line of every screen: which journal, and whether anything works on it.

use super::exit::Failure;
use crate::journal::Journal;
use crate::journal::replicas::{self, LOST_AFTER_MS, Replica};
use crate::report::when::clock;

/// Replicas of a journal, sorted by whether they are alive.
#[derive(Debug, Clone, Default)]
pub(super) struct Daemons {
    /// Alive, newest first.
    pub(super) alive: Vec<Replica>,
    /// When the last one that is gone was last seen.
    last_seen_ms: Option<i64>,
}

impl Daemons {
    /// Who is alive now.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) async fn of(journal: &Journal) -> Result<Self, Failure> {
        let now = journal.clock().now_ms();
        let all = journal.read(async |tx| replicas::list(tx).await).await?;
        Ok(Self::sorted(all, now))
    }

    fn sorted(all: Vec<Replica>, now_ms: i64) -> Self {
        let is_alive =
            |one: &Replica| one.stopped_ms.is_none() && one.seen_ms > now_ms - LOST_AFTER_MS;
        let daemons = all.into_iter().filter(|one| one.kind == "daemon");
        let (alive, gone): (Vec<_>, Vec<_>) = daemons.partition(is_alive);
        Self {
            alive,
            last_seen_ms: gone
                .iter()
                .map(|one| one.stopped_ms.unwrap_or(one.seen_ms))
                .max(),
        }
    }

    /// The line. Times are UTC, and it says so.
    pub(super) fn heading(&self, journal: &str, now_ms: i64) -> String {
        let who: Vec<String> = self
            .alive
            .iter()
            .map(|one| format!("{}, {}", one.host, one.pid))
            .collect();
        let daemons = match (who.as_slice(), self.last_seen_ms) {
            ([], None) => {
                "NO DAEMON has ever run: nothing rotates; every old credential still works"
                    .to_owned()
            }
            ([], Some(at)) => format!(
                "NO DAEMON since {}: nothing rotates; every old credential still works",
                clock(at, now_ms)
            ),
            ([one], _) => format!("1 daemon ({one})"),
            (several, _) => format!("{} daemons ({})", several.len(), several.join("; ")),
        };
        format!("journal {journal} · {daemons} · times in UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::Daemons;
    use crate::journal::replicas::Replica;

    const NOW: i64 = 1_772_330_000_000;

    fn daemon(pid: i64, seen_ms: i64, stopped_ms: Option<i64>) -> Replica {
        Replica {
            id: format!("r{pid}"),
            kind: "daemon".to_owned(),
            host: "node-1".to_owned(),
            pid,
            started_ms: 0,
            seen_ms,
            stopped_ms,
        }
    }

    fn heading(all: Vec<Replica>) -> String {
        Daemons::sorted(all, NOW).heading("keywheel.db", NOW)
    }

    #[test]
    fn one_two_and_none() {
        let one = heading(vec![daemon(7, NOW, None)]);
        assert_eq!(
            one,
            "journal keywheel.db · 1 daemon (node-1, 7) · times in UTC"
        );
        let two = heading(vec![daemon(7, NOW, None), daemon(8, NOW - 9_000, None)]);
        assert!(two.contains("2 daemons (node-1, 7; node-1, 8)"));
        assert!(heading(Vec::new()).contains("NO DAEMON has ever run"));
    }

    #[test]
    fn one_that_is_gone_says_since_when() {
        let lost = heading(vec![daemon(7, NOW - 60_000, None)]);
        assert!(
            lost.contains(
                "NO DAEMON since 01:52: nothing rotates; every old credential still works"
            )
        );
        let stopped = heading(vec![daemon(7, NOW, Some(NOW - 120_000))]);
        assert!(stopped.contains("NO DAEMON since 01:51"));
    }
}
