//! What calls count against: <https://cloud.google.com/secret-manager/quotas>, of each project and minute.

use crate::store::GoogleStore;
use keywheel_contract::{Draw, Quota, Verb};

/// Of the documented limits we allow ourselves four fifths: 90,000 accesses, 600 reads, 600 writes.
const ACCESSES: u32 = 72_000;
const READS: u32 = 480;
const WRITES: u32 = 480;

impl GoogleStore {
    /// At most, for most calls find what they look for at once. The limits of a single secret (two versions or
    /// updates, and one change of a version's state, each second) are met by waiting when they are hit.
    pub(crate) fn quotas(&self, verb: Verb) -> Vec<Draw> {
        let (accesses, reads, writes) = match verb {
            Verb::Inspect => (3, 4, 0),
            Verb::Compose | Verb::Read => (1, 0, 0),
            Verb::Stage => (2, 5, 3),
            Verb::Promote => (10, 6, 3),
            Verb::List => (0, 5, 0),
            Verb::Find => (4, 4, 0),
            Verb::End => (0, 5, 1),
            Verb::Discover => (0, 1, 0),
        };
        let draws = [
            self.draw("access", ACCESSES, accesses),
            self.draw("read", READS, reads),
            self.draw("write", WRITES, writes),
        ];
        draws.into_iter().filter(|draw| draw.calls > 0).collect()
    }

    fn draw(&self, operation: &str, per_minute: u32, calls: u32) -> Draw {
        let region = self.location.as_deref().unwrap_or("global");
        Draw {
            quota: Quota {
                name: format!(
                    "google-secret-manager/{}/{region}/{operation}",
                    self.project
                ),
                per_minute,
                // What the limit gives in five seconds.
                burst: per_minute / 12,
            },
            calls,
        }
    }
}
