//! Destinations, consumers and the old credential of the secrets that are shown.

use super::Line;
use super::item::{ConsumerItem, DestinationItem, Item, RotationItem, Standby};
use crate::inventory::{ConsumerSpec, Definition};
use crate::journal::overview::{self, CredentialLine, Replaced, RunLine, Seen, Serves};
use crate::journal::spares::{self, Spare};
use crate::journal::{Result, Tx, secrets};
use crate::report::when::rfc3339;
use crate::rotation::phase::Phase;
use crate::rotation::words::Kind;
use std::collections::BTreeMap;

/// Items for lines, at most 500 of them.
///
/// # Errors
/// The journal cannot be read.
pub async fn fill(tx: &mut Tx, lines: &[Line]) -> Result<Vec<Item>> {
    let now = tx.now_ms();
    let ids: Vec<String> = lines.iter().map(|line| line.secret.id.clone()).collect();
    let found = Found::read(tx, &ids).await?;
    Ok(lines.iter().map(|line| found.item(line, now)).collect())
}

/// What is known of one page of secrets, by id.
struct Found {
    definitions: BTreeMap<String, Definition>,
    newest: BTreeMap<String, RunLine>,
    served: Vec<Serves>,
    replaced: Vec<Replaced>,
    seen: Vec<Seen>,
    credentials: Vec<CredentialLine>,
    spares: Vec<Spare>,
}

impl Found {
    async fn read(tx: &mut Tx, ids: &[String]) -> Result<Self> {
        let newest = overview::newest(tx, ids).await?;
        let rotations: Vec<String> = newest.iter().map(|run| run.id.clone()).collect();
        Ok(Self {
            definitions: secrets::definitions_by_id(tx, ids).await?,
            served: overview::served(tx, ids).await?,
            replaced: overview::replaced(tx, &rotations).await?,
            seen: overview::seen(tx, &rotations).await?,
            credentials: overview::credentials(tx, ids).await?,
            spares: spares::ready_of(tx, ids).await?,
            newest: newest
                .into_iter()
                .map(|run| (run.secret_id.clone(), run))
                .collect(),
        })
    }

    fn item(&self, line: &Line, now_ms: i64) -> Item {
        let secret = &line.secret;
        let (state, ends) = (self.old_state(line), self.end(line));
        let late = secret.next_rotation_ms.map_or(0, |due| now_ms - due);
        let name = secret.id.split_once('/').map_or("", |(_, name)| name);
        Item {
            id: secret.id.clone(),
            environment: secret.environment.clone(),
            name: name.to_owned(),
            owner: secret.owner.clone(),
            health: line.health.word(),
            manage: secret.manage.clone(),
            schedule: secret.schedule.clone(),
            last_rotated_at: secret.last_rotated_ms.map(rfc3339),
            next_rotation_at: secret.next_rotation_ms.map(rfc3339),
            overdue_seconds: late.max(0) / 1_000,
            old_credential: old_word(state.as_deref()),
            destinations: self.destinations(&secret.id),
            consumers: self.consumers(&secret.id),
            rotation: line.run.as_ref().map(RotationItem::new),
            standby: self.standby(&secret.id),
            old_credential_state: state,
            expires_at: ends.map(rfc3339),
            expires_too_soon: ends.is_some_and(|ends| self.is_too_soon(line, ends, now_ms)),
        }
    }

    /// When the credential that consumers hold ends by itself: the candidate once it is published everywhere.
    fn end(&self, line: &Line) -> Option<i64> {
        let mine = |one: &&CredentialLine| one.secret_id == line.secret.id;
        let mut mine = self.credentials.iter().filter(mine);
        mine.find(|one| one.state == "current")?.expires_ms
    }

    /// Whether a rotation that starts when it would start now could not prove every consumer by then.
    fn is_too_soon(&self, line: &Line, ends_ms: i64, now_ms: i64) -> bool {
        let defined = self.definitions.get(&line.secret.id);
        let takes_ms = defined.map_or(0, |one| one.timing.prove_within.millis());
        let starts_ms = match (&line.run, line.secret.start_ms) {
            (Some(_), _) => now_ms,
            (None, Some(start)) => start.max(now_ms),
            // A person starts it, and is told by its due date in time.
            (None, None) => now_ms.max(line.secret.soon_ms.unwrap_or(now_ms)),
        };
        ends_ms < starts_ms.saturating_add(takes_ms)
    }

    /// The credential before: of the rotation under way, else the newest that is neither in use nor a
    /// candidate that came to nothing.
    fn old_state(&self, line: &Line) -> Option<String> {
        let mut mine = self
            .credentials
            .iter()
            .filter(|one| one.secret_id == line.secret.id);
        let old = match &line.run {
            Some(run) => mine.find(|one| Some(&one.id) == run.old_credential.as_ref()),
            None => mine
                .find(|one| !matches!(one.state.as_str(), "current" | "candidate" | "destroyed")),
        };
        old.map(|one| one.state.clone())
    }

    fn standby(&self, id: &str) -> Option<Standby> {
        let wanted = self.definitions.get(id)?.issuer.standby;
        let ready = self.spares.iter().filter(|spare| spare.secret_id == id);
        let ready = ready.count();
        (wanted > 0 || ready > 0).then_some(Standby { ready, wanted })
    }

    fn destinations(&self, id: &str) -> Vec<DestinationItem> {
        let served = |name: &str| {
            let mut all = self.served.iter();
            all.find(|one| one.secret_id == id && one.destination == name)
                .map(|one| one.version.clone())
        };
        let defined = self.definitions.get(id);
        let all = defined.iter().flat_map(|one| &one.destinations);
        all.map(|one| DestinationItem {
            store: one.store.name.clone(),
            path: one.path.clone(),
            version: served(&one.name()),
            replaced: self.replaced(id, &one.name()),
        })
        .collect()
    }

    fn replaced(&self, id: &str, destination: &str) -> Option<String> {
        let run = self.newest.get(id)?;
        let mut last = self.replaced.iter().rev();
        let last = last.find(|one| one.rotation == run.id && one.destination == destination)?;
        (last.kind != Kind::EnableVersion).then(|| last.word.clone())
    }

    fn consumers(&self, id: &str) -> Vec<ConsumerItem> {
        let run = self.newest.get(id);
        let defined = self.definitions.get(id);
        let all = defined.iter().flat_map(|one| &one.consumers);
        all.map(|(name, spec)| self.consumer(name, spec, run))
            .collect()
    }

    fn consumer(&self, name: &str, spec: &ConsumerSpec, run: Option<&RunLine>) -> ConsumerItem {
        let asked = |seen: &&Seen| run.is_some_and(|run| run.id == seen.rotation);
        let seen: Vec<&Seen> = self
            .seen
            .iter()
            .filter(asked)
            .filter(|seen| seen.consumer == name)
            .collect();
        let wanted = run.and_then(should_hold);
        let proven: Vec<&&Seen> = seen
            .iter()
            .filter(|seen| wanted == Some(seen.holding.as_str()))
            .collect();
        let rank = |word: &str| keywheel_contract::Strength::from_word(word);
        let weakest = proven.iter().min_by_key(|seen| rank(&seen.strength));
        ConsumerItem {
            name: name.to_owned(),
            instances_proven: proven.len(),
            instances: usize::try_from(spec.instances.max(1)).unwrap_or(usize::MAX),
            evidence: weakest.map(|seen| seen.strength.clone()),
            seen_at: seen.iter().map(|seen| seen.at_ms).max().map(rfc3339),
        }
    }
}

/// The credential that consumers should hold: the candidate once it is published, the old one before that and
/// on the way back.
fn should_hold(run: &RunLine) -> Option<&str> {
    let old = run.phase < Phase::Publishing
        || matches!(
            run.phase,
            Phase::Restoring | Phase::RolledBack | Phase::Cancelled
        );
    match old {
        true => run.old_credential.as_deref(),
        false => run.candidate.as_deref(),
    }
}

fn old_word(state: Option<&str>) -> &'static str {
    match state {
        None => "none",
        Some("current" | "previous" | "retiring") => "valid",
        Some("disabled") => "disabled",
        Some("refused" | "destroyed") => "refused",
        Some(_) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::health::tests::run;
    use super::{old_word, should_hold};
    use crate::rotation::phase::Phase;
    use crate::rotation::words::{Cause, State};

    #[test]
    fn what_consumers_should_hold_follows_the_phase() {
        let mut run = run(Cause::Scheduled, State::Active);
        for (phase, holds) in [
            (Phase::Preflight, "old"),
            (Phase::Verifying, "new"),
            (Phase::Completed, "new"),
            (Phase::Restoring, "old"),
            (Phase::RolledBack, "old"),
        ] {
            run.phase = phase;
            assert_eq!(should_hold(&run), Some(holds), "{phase}");
        }
    }

    #[test]
    fn a_credential_that_is_being_ended_still_counts_as_valid() {
        assert_eq!(old_word(Some("retiring")), "valid");
        assert_eq!(old_word(Some("replaced")), "unknown");
        assert_eq!(old_word(None), "none");
    }
}
