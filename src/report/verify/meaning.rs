//! What the rows say: every intent has an outcome, and nothing was ended without the evidence it names.

use super::Finding;
use super::resting::{Resting, rests};
use crate::journal::audit::AuditRow;
use crate::rotation::decide::NEW_USE;
use crate::rotation::facts::Waiver;
use crate::rotation::phase::Phase;
use crate::rotation::words::{Kind, Mode};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Every rotation that is open at this row, and every waiver so far.
#[derive(Default)]
pub(super) struct Meaning {
    open: HashMap<String, Story>,
    /// Until when each stands; `None` where its row does not say.
    waivers: BTreeMap<(String, String), Option<i64>>,
}

/// One rotation so far.
#[derive(Default)]
pub(super) struct Story {
    /// Intents without an outcome: kind, target and try, with the row's place.
    intents: BTreeMap<(String, String, String), Option<i64>>,
    /// The last word of each instance.
    pub(super) seen: BTreeMap<String, Sight>,
    /// Rows read, to tell what came after what.
    row: i64,
    /// When the newest write of the candidate took effect.
    pub(super) published: Option<i64>,
    /// When the newest write of the old value on the way back did.
    pub(super) republished: Option<i64>,
    /// When the issuer saw somebody use the new credential.
    pub(super) used: Option<i64>,
    /// Somebody accepted the outage.
    pub(super) contains: bool,
}

/// What an instance was last seen to hold, and by which of the rotation's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) outcome: String,
    pub(super) row: i64,
}

impl Meaning {
    /// Reads the next row.
    pub(super) fn read(&mut self, row: &AuditRow) -> Vec<Finding> {
        let entry = &row.entry;
        if entry.action == "waiver" {
            let subject = (row.secret_id.clone(), entry.destination.clone());
            self.waivers
                .insert(subject, Waiver::stood_until(&entry.detail));
        }
        if row.rotation_id.is_empty() {
            return Vec::new();
        }
        let story = self.open.entry(row.rotation_id.clone()).or_default();
        story.row += 1;
        let mut findings = Vec::new();
        match (Kind::from_word(&entry.action), entry.outcome.as_str()) {
            (Some(kind), "intent") => {
                story.intents.insert(key(row), row.seq);
                findings.extend(unfounded(story, &self.waivers, kind, row));
            }
            (Some(kind), outcome) => findings.extend(story.outcome(kind, outcome, row)),
            (None, _) => story.other(row),
        }
        if self.ends(row) {
            let story = self.open.remove(&row.rotation_id).unwrap_or_default();
            findings.extend(story.without_outcome(&row.rotation_id));
        }
        findings
    }

    /// Whether nothing follows this row in its rotation.
    pub(super) fn ends(&self, row: &AuditRow) -> bool {
        let phase = Phase::from_word(&row.entry.outcome);
        row.entry.action == "phase" && phase.is_some_and(Phase::is_terminal)
    }

    /// Intents of rotations that are not under way any more must have had an outcome.
    pub(super) fn end(&mut self, unfinished: &BTreeSet<String>) -> Vec<Finding> {
        let over = self.open.drain().filter(|(id, _)| !unfinished.contains(id));
        over.flat_map(|(id, story)| story.without_outcome(&id))
            .collect()
    }
}

impl Story {
    fn outcome(&mut self, kind: Kind, outcome: &str, row: &AuditRow) -> Option<Finding> {
        let begun = match outcome {
            // In doubt, or waiting for a person there: the outcome follows.
            "unknown" | "pending" => self.intents.contains_key(&key(row)),
            _ => self.intents.remove(&key(row)).is_some(),
        };
        // Outcomes that write: a version stands in the evidence column.
        let wrote = !row.entry.evidence.is_empty();
        match kind {
            Kind::Publish if wrote => self.published = Some(self.row),
            Kind::Republish if wrote => self.republished = Some(self.row),
            _ => {}
        }
        (!begun).then(|| {
            let what = format!(
                "the outcome of {} has no intent before it",
                row.entry.action
            );
            finding(row, what)
        })
    }

    fn other(&mut self, row: &AuditRow) {
        let entry = &row.entry;
        let contain = Mode::Contain.word();
        match entry.action.as_str() {
            "evidence" => {
                let sight = Sight {
                    outcome: entry.outcome.clone(),
                    row: self.row,
                };
                self.seen.insert(entry.destination.clone(), sight);
            }
            NEW_USE if entry.outcome == "seen" => self.used = Some(self.row),
            "open" => self.contains |= entry.detail.starts_with(&format!("{contain}:")),
            "takeover" => self.contains |= entry.outcome == contain,
            _ => {}
        }
    }

    fn without_outcome(self, rotation: &str) -> Vec<Finding> {
        let lost = self
            .intents
            .into_iter()
            .map(|((kind, target, _), seq)| Finding {
                seq,
                rotation: rotation.to_owned(),
                column: String::new(),
                what: format!(
                    "the intent to {kind} {target} has no outcome, and its rotation is over"
                ),
            });
        lost.collect()
    }
}

/// Says what an intent to end something lacks.
fn unfounded(
    story: &Story,
    waivers: &BTreeMap<(String, String), Option<i64>>,
    kind: Kind,
    row: &AuditRow,
) -> Option<Finding> {
    let ends_candidate = matches!(kind, Kind::DestroyCandidate | Kind::DestroyCandidateVersion);
    let asks = match (kind.ends_old(), ends_candidate) {
        (true, _) => Resting::OnNew,
        (_, true) if story.published.is_some() => Resting::OnOld,
        _ => return None,
    };
    let waived = |subject: &str| {
        let found = waivers.get(&(row.secret_id.clone(), subject.to_owned()));
        found.is_some_and(|until| until.is_none_or(|until_ms| row.at_ms < until_ms))
    };
    let why = rests(story, asks, &row.entry.evidence, waived).err()?;
    let what = format!("{} was begun without its evidence: {why}", row.entry.action);
    Some(finding(row, what))
}

fn key(row: &AuditRow) -> (String, String, String) {
    let attempt = row.entry.detail.split(' ').nth(1).unwrap_or_default();
    (
        row.entry.action.clone(),
        row.entry.destination.clone(),
        attempt.to_owned(),
    )
}

fn finding(row: &AuditRow, what: String) -> Finding {
    Finding {
        seq: row.seq,
        rotation: row.rotation_id.clone(),
        column: String::new(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::Meaning;
    use crate::journal::audit::{AuditRow, Entry};
    use crate::rotation::NEW_USED;
    use crate::rotation::decide::{NEW_USE, USE_SEEN};

    fn row(
        action: &str,
        outcome: &str,
        destination: &str,
        evidence: &str,
        detail: &str,
    ) -> AuditRow {
        AuditRow {
            id: String::new(),
            seq: Some(1),
            at_ms: 0,
            secret_id: "production/a".to_owned(),
            rotation_id: "r1".to_owned(),
            n: 0,
            entry: Entry {
                action: action.to_owned(),
                outcome: outcome.to_owned(),
                destination: destination.to_owned(),
                evidence: evidence.to_owned(),
                detail: detail.to_owned(),
                ..Entry::default()
            },
            chain_prev: String::new(),
            leaf: String::new(),
            prev_hash: None,
            hash: None,
        }
    }

    fn evidence(outcome: &str, instance: &str) -> AuditRow {
        row("evidence", outcome, instance, "proven", "")
    }

    fn published(kind: &str) -> [AuditRow; 2] {
        [
            row(kind, "intent", "main:x", "", "try 1"),
            row(kind, "applied", "main:x", "v2", "try 1"),
        ]
    }

    fn ending(kind: &str, rests_on: &str) -> [AuditRow; 2] {
        [
            row(kind, "intent", "k1", rests_on, "try 1"),
            row(kind, "applied", "k1", "", "try 1"),
        ]
    }

    fn told(rows: &[&[AuditRow]]) -> Vec<String> {
        let mut meaning = Meaning::default();
        let rows = rows.iter().flat_map(|rows| rows.iter());
        let mut findings: Vec<_> = rows.flat_map(|row| meaning.read(row)).collect();
        findings.extend(meaning.end(&["r1".to_owned()].into()));
        findings.into_iter().map(|finding| finding.what).collect()
    }

    const RESTS: &str = "app: pod 1 pod 2";

    #[test]
    fn everyone_named_was_seen_after_the_publish() {
        let seen = [evidence("new", "app/pod 1"), evidence("new", "app/pod 2")];
        let whole = told(&[&published("publish"), &seen, &ending("revoke", RESTS)]);
        assert_eq!(whole, Vec::<String>::new());
        let early = told(&[&seen, &published("publish"), &ending("revoke", RESTS)]);
        assert!(
            early[0].contains("only before the value was published"),
            "{early:?}"
        );
        let half = told(&[&published("publish"), &seen[..1], &ending("revoke", RESTS)]);
        assert!(half[0].contains("app (pod 2) was never seen"), "{half:?}");
    }

    #[test]
    fn a_later_sight_of_the_old_credential_counts() {
        let seen = [evidence("new", "app/a"), evidence("old", "app/a")];
        let told = told(&[
            &published("publish"),
            &seen,
            &ending("disable_version", "app: a"),
        ]);
        assert!(told[0].contains("app/a was last seen on old"), "{told:?}");
    }

    #[test]
    fn nothing_named_is_nothing() {
        for empty in ["", "app: "] {
            assert_eq!(told(&[&ending("revoke", empty)]).len(), 1, "{empty}");
        }
        assert_eq!(
            told(&[&ending("revoke", "no consumers: a spare")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_waiver_and_an_accepted_outage_are_rows_of_their_own() {
        let waived = ending("revoke", "app: waived by ana");
        assert_eq!(told(&[&waived]).len(), 1);
        let waiver = [row("waiver", "granted", "app", "", "it is off")];
        assert_eq!(told(&[&waiver, &waived]), Vec::<String>::new());
        let late = AuditRow {
            at_ms: 2_000,
            ..waived[0].clone()
        };
        let ended = "until 1970-01-01T00:00:01Z: it is off";
        let waiver = [row("waiver", "granted", "app", "", ended)];
        assert_eq!(told(&[&waiver, &waived]), Vec::<String>::new());
        assert_eq!(told(&[&waiver, &[late, waived[1].clone()]]).len(), 1);
        let contain = ending("disable_credential", "contain: the outage was accepted");
        assert_eq!(told(&[&contain]).len(), 1);
        let open = [row("open", "emergency", "", "", "contain: leaked")];
        assert_eq!(told(&[&open, &contain]), Vec::<String>::new());
        let taken = [row("takeover", "contain", "", "", "leaked")];
        assert_eq!(told(&[&taken, &contain]), Vec::<String>::new());
    }

    #[test]
    fn a_use_of_the_new_credential_is_a_row_of_its_own_after_the_publish() {
        let rests = format!("no consumers: example; {NEW_USED}: {USE_SEEN}");
        let (publish, end) = (published("publish"), ending("revoke", &rests));
        let used = [row(NEW_USE, "seen", "", "issuer", "logged in with it")];
        assert_eq!(told(&[&publish, &used, &end]), Vec::<String>::new());
        for rows in [
            &[&publish[..], &end] as &[&[AuditRow]],
            &[&used, &publish, &end],
        ] {
            let told = told(rows);
            assert!(told[0].contains("who used the new one"), "{told:?}");
        }
    }

    #[test]
    fn a_candidate_is_destroyed_only_after_everyone_is_back() {
        let new = [evidence("new", "app/a")];
        let old = [evidence("old", "app/a")];
        let (out, back) = (published("publish"), published("republish"));
        for rests_on in ["app: a", ""] {
            let end = ending("destroy_candidate", rests_on);
            assert_eq!(told(&[&out, &new, &back, &old, &end]), Vec::<String>::new());
            assert_eq!(told(&[&out, &new, &back, &end]).len(), 1, "{rests_on}");
            assert_eq!(told(&[&out, &old, &back, &end]).len(), 1, "{rests_on}");
        }
        assert_eq!(
            told(&[&ending("destroy_candidate", "")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_intent_has_an_outcome_once_its_rotation_is_over() {
        let lost = [row("publish", "intent", "main:x", "", "try 1")];
        assert_eq!(told(&[&lost]), Vec::<String>::new());
        let over = [row("phase", "completed", "", "", "")];
        assert!(told(&[&lost, &over])[0].contains("has no outcome"));
        let unknown = [row("publish", "unknown", "main:x", "", "try 1")];
        assert_eq!(told(&[&lost, &unknown, &over]).len(), 1);
        let settled = [row("publish", "absent", "main:x", "", "try 1 read again")];
        assert_eq!(
            told(&[&lost, &unknown, &settled, &over]),
            Vec::<String>::new()
        );
        assert!(told(&[&settled])[0].contains("has no intent"));
    }
}
