//! What verbs take from the vault's limits (pure).
//!
//! Microsoft documents 300 new secrets and 4,000 other transactions of secrets in ten seconds, for each vault and
//! region. In any ten seconds ours are at most 80 % of that: what is saved up, and what comes in meanwhile.

use keywheel_contract::{Draw, Quota, Verb};

/// Reading the list of up to a hundred versions, in pages of 25, and which one is shown. A longer list takes more.
const HISTORY: u32 = 4 + 1;

pub(crate) fn draws(host: &str, verb: Verb) -> Vec<Draw> {
    let (writes, others) = match verb {
        Verb::Inspect => (0, HISTORY + 1),
        Verb::Compose | Verb::Read | Verb::Discover => (0, 1),
        Verb::Stage => (0, 0),
        Verb::Promote => (1, HISTORY + 1 + HISTORY),
        Verb::List => (0, HISTORY),
        Verb::Find | Verb::End => (0, HISTORY + 1),
    };
    let draws = [(writes_of(host), writes), (others_of(host), others)];
    let taken = draws.into_iter().filter(|(_, calls)| *calls > 0);
    taken.map(|(quota, calls)| Draw { quota, calls }).collect()
}

/// 60 at once and 180 in ten seconds: 240 of 300.
fn writes_of(host: &str) -> Quota {
    Quota {
        name: format!("azure-key-vault {host} new secrets"),
        per_minute: 1_080,
        burst: 60,
    }
}

/// 800 at once and 2,400 in ten seconds: 3,200 of 4,000.
fn others_of(host: &str) -> Quota {
    Quota {
        name: format!("azure-key-vault {host} transactions"),
        per_minute: 14_400,
        burst: 800,
    }
}

#[cfg(test)]
mod tests {
    use super::draws;
    use keywheel_contract::Verb;

    #[test]
    fn in_any_ten_seconds_a_fifth_is_left_to_others() {
        let draws = draws("v.vault.azure.net", Verb::Promote);
        let limits = [300, 4_000];
        assert_eq!(draws.len(), limits.len());
        for (draw, limit) in draws.iter().zip(limits) {
            let most = draw.quota.burst + draw.quota.per_minute / 6;
            assert!(most * 10 <= limit * 8, "{}", draw.quota.name);
            assert!(draw.quota.name.contains("v.vault.azure.net"));
        }
    }
}
