//! What the verbs take from the limits of the account, of which we allow ourselves 80 %
//! (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>).

use keywheel_contract::{Draw, Quota, Verb};

/// Calls of a kind that AWS counts together.
#[derive(Clone, Copy)]
enum Kind {
    /// `DescribeSecret` and `GetSecretValue`: 10,000 a second.
    Reads,
    /// `ListSecretVersionIds`: 50 a second.
    Versions,
    /// `ListSecrets`: 100 a second.
    Listings,
    /// `CreateSecret`: 50 a second.
    Creations,
    /// `PutSecretValue` and `UpdateSecretVersionStage`: 50 a second.
    Writes,
}

impl Kind {
    fn quota(self, scope: &str) -> Quota {
        let (word, a_second) = match self {
            Self::Reads => ("reads", 10_000),
            Self::Versions => ("versions", 50),
            Self::Listings => ("listings", 100),
            Self::Creations => ("creations", 50),
            Self::Writes => ("writes", 50),
        };
        let ours = a_second * 8 / 10;
        Quota {
            name: format!("aws-secrets-manager/{scope}/{word}"),
            per_minute: ours * 60,
            burst: ours,
        }
    }
}

/// What a verb takes at most. `scope` is account and region.
pub(crate) fn draws(verb: Verb, scope: &str) -> Vec<Draw> {
    let kinds: &[(Kind, u32)] = match verb {
        Verb::Inspect => &[(Kind::Reads, 1), (Kind::Versions, 2)],
        Verb::Compose | Verb::Read => &[(Kind::Reads, 1)],
        Verb::Stage => &[(Kind::Reads, 3), (Kind::Creations, 1), (Kind::Writes, 1)],
        Verb::Promote => &[(Kind::Reads, 6), (Kind::Creations, 1), (Kind::Writes, 3)],
        Verb::List | Verb::Find => &[(Kind::Versions, 2)],
        Verb::End => &[(Kind::Reads, 2), (Kind::Writes, 3)],
        Verb::Discover => &[(Kind::Listings, 1)],
    };
    let draw = |(kind, calls): &(Kind, u32)| Draw {
        quota: kind.quota(scope),
        calls: *calls,
    };
    kinds.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::draws;
    use keywheel_contract::Verb;

    #[test]
    fn writes_leave_a_fifth_to_others() {
        let draws = draws(Verb::Promote, "123456789012/eu-west-1");
        let writes = &draws[2].quota;
        assert_eq!(
            writes.name,
            "aws-secrets-manager/123456789012/eu-west-1/writes"
        );
        assert_eq!((writes.per_minute, writes.burst), (2400, 40));
    }
}
