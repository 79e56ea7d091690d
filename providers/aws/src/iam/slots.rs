//! The two keys that AWS allows a user, and what is said where both are there.

use super::calls::{Calls, Key, Use};
use chrono::{DateTime, SecondsFormat};
use keywheel_contract::{CredentialState, Error, Result};
use std::time::Duration;

/// AWS's limit, which cannot be raised:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
const SLOTS: usize = 2;
/// A list may still show a key that was deleted a moment ago: looked at so often, so long apart.
const LOOKS: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(700);

impl Calls {
    /// The keys that are there, where there is room for one more.
    ///
    /// # Errors
    /// `Invalid`: there is none. Nothing was changed.
    pub(crate) async fn with_room(&self) -> Result<Vec<Key>> {
        for _ in 1..LOOKS {
            let keys = self.keys().await?;
            if keys.len() < SLOTS {
                return Ok(keys);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let keys = self.keys().await?;
        match keys.len() < SLOTS {
            true => Ok(keys),
            false => Err(self.full(&keys).await),
        }
    }

    async fn full(&self, keys: &[Key]) -> Error {
        let user = &self.options.user;
        let mut each = Vec::new();
        for key in keys {
            // Whoever may not ask is told without it.
            each.push(told(key, self.last_use(&key.id).await.ok()));
        }
        Error::invalid(format!(
            "`{user}` has two access keys, and AWS allows no third: {}. Nothing was changed, and none of them is \
             deleted by keywheel: delete the one that nobody uses, with `aws iam delete-access-key --user-name {user} \
             --access-key-id ID`",
            each.join("; ")
        ))
    }
}

fn told(key: &Key, last: Option<Use>) -> String {
    let state = match key.state {
        CredentialState::Active => "active",
        _ => "inactive",
    };
    let used = match last.map(|last| last.at_ms) {
        None => String::new(),
        Some(None) => ", no use seen".to_owned(),
        Some(Some(at_ms)) => format!(", last used {}", day(at_ms)),
    };
    format!("{} ({state}, made {}{used})", key.id, day(key.made_ms))
}

fn day(at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::{Key, Use, told};
    use keywheel_contract::CredentialState;

    #[test]
    fn a_key_is_told_with_what_helps_to_choose() {
        let key = Key {
            id: "AKIAEXAMPLE".to_owned(),
            state: CredentialState::Disabled,
            made_ms: 1_800_000_000_000,
        };
        let used = Use {
            at_ms: Some(1_800_000_060_000),
            ..Use::default()
        };
        assert_eq!(
            told(&key, Some(used)),
            "AKIAEXAMPLE (inactive, made 2027-01-15T08:00:00Z, last used 2027-01-15T08:01:00Z)"
        );
        let never = told(&key, Some(Use::default()));
        assert!(never.ends_with("no use seen)"), "{never}");
        assert!(told(&key, None).ends_with("08:00:00Z)"));
    }
}
