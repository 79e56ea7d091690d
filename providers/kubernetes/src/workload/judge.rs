//! What one pod shows (pure).

use super::rollout::Rollout;
use super::told::Pod;
use crate::secret::epoch_ms;
use aws_lc_rs::digest::{SHA256, digest};
use keywheel_contract::{Held, Holding, Notice, Observation, Question, Strength, VersionId};

/// A pod's start is told in whole seconds, cut off: it may have started this much later.
const SECOND_MS: i64 = 1_000;

/// Longest part of a secret's id in the name of an annotation, so that the digest fits behind it: such a name has at
/// most 63 characters (kubernetes.io, "Annotations").
const LONGEST: usize = 63 - 9;

/// The annotation of a pod template that says which version of a secret its pods were started for. A workload may use
/// many secrets, and a secret from many destinations.
pub(crate) fn annotation(id: &str, destination: &str) -> String {
    let print = digest(&SHA256, format!("{id}\0{destination}").as_bytes());
    let readable: String = id.replace('/', ".").chars().take(LONGEST).collect();
    format!("keywheel/{readable}.{}", hex::encode(&print.as_ref()[..4]))
}

/// What comes before the credential in a mark.
const CREDENTIAL: &str = "holds=";

/// What the annotation says. The rotation makes it new where a store gives an old value its old version again: who goes
/// back to it restarts too. The credential stays where another secret in the same document gives it a new version.
pub(crate) fn mark(notice: &Notice) -> String {
    let (version, rotation) = (&notice.version, &notice.rotation);
    match &notice.credential {
        Some(credential) => format!("{version} {rotation} {CREDENTIAL}{credential}"),
        None => format!("{version} {rotation}"),
    }
}

/// What a mark says of the value that pods were started for.
struct Marked<'a> {
    version: &'a str,
    credential: Option<&'a str>,
}

impl<'a> Marked<'a> {
    /// Rotations and credentials have no spaces; marks of earlier versions of this program have none of either.
    fn read(mark: &'a str) -> Self {
        let last = mark.rsplit_once(' ');
        let holds = last.and_then(|(rest, last)| Some((rest, last.strip_prefix(CREDENTIAL)?)));
        let (mark, credential) = match holds {
            Some((rest, credential)) => (rest, Some(credential)),
            None => (mark, None),
        };
        let version = mark.rsplit_once(' ').map_or(mark, |(version, _)| version);
        Self {
            version,
            credential,
        }
    }

    /// Which of them it says; the version tells where the credential is none of them, or not named.
    fn one_of<'h>(&self, held: &'h [Held<'h>]) -> Option<&'h Held<'h>> {
        let named = |one: &&Held<'_>| self.credential == Some(one.credential.as_str());
        let by_version = |one: &&Held<'_>| {
            let known = one.version.map(VersionId::as_str);
            known == Some(self.version)
        };
        let named = held.iter().find(named);
        named.or_else(|| held.iter().find(by_version))
    }
}

/// Which of the credentials asked about a pod holds, and how we know.
pub(crate) fn judge(pod: &Pod, rollout: &Rollout, question: &Question<'_>) -> Observation {
    let name = annotation(question.id.as_str(), question.destination);
    let carried = pod.metadata.annotations.get(&name).map(String::as_str);
    let started_at_ms = pod.status.start_time.as_deref().and_then(epoch_ms);
    let after = started_at_ms.is_some_and(|at| at + SECOND_MS > question.published_at_ms);
    let (holding, holds) = match carried {
        Some(mark) => marked(&Marked::read(mark), question.held),
        None => unmarked(after, question.held),
    };
    let (strength, shows) = match weakness(pod, rollout, after) {
        None => (
            Strength::Restarted,
            "ready, and the rollout is done".to_owned(),
        ),
        Some(why) => (Strength::Delivered, why),
    };
    Observation {
        instance: pod.metadata.name.clone(),
        holding,
        strength,
        started_at_ms,
        seen_at_ms: None,
        detail: format!("{holds}; {shows}"),
    }
}

/// The template was given this mark only after what it says was published, and the pod was started from the template.
fn marked(mark: &Marked<'_>, held: &[Held<'_>]) -> (Holding, String) {
    let shown = mark.version.escape_default();
    match mark.one_of(held) {
        Some(one) => {
            let holding = Holding::Credential(one.credential.clone());
            (holding, format!("started for version {shown}"))
        }
        None => {
            let detail = format!("started for version {shown}, none of those asked about");
            (Holding::Other, detail)
        }
    }
}

/// Before the first notice no pod has a mark. Whoever started after the only value in question was there, read it.
fn unmarked(after: bool, held: &[Held<'_>]) -> (Holding, String) {
    match held {
        [one] if after => (
            Holding::Credential(one.credential.clone()),
            "never notified, and started after the value was there".to_owned(),
        ),
        _ => (
            Holding::Unknown,
            "carries no mark of keywheel: started before the first notice, or somebody took the mark away".to_owned(),
        ),
    }
}

/// Why a pod is not yet proof, if so.
fn weakness(pod: &Pod, rollout: &Rollout, after: bool) -> Option<String> {
    match rollout {
        _ if pod.metadata.deletion_timestamp.is_some() => {
            Some("being deleted, and may still run".to_owned())
        }
        Rollout::Moving(why) => Some(format!("the rollout is not done: {why}")),
        Rollout::Stuck(why) => Some(format!("the rollout is stuck: {why}")),
        Rollout::Done if !pod.is_ready() => Some("not ready".to_owned()),
        Rollout::Done if !after => {
            Some("started before the value was published, by the cluster's clock".to_owned())
        }
        Rollout::Done => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{annotation, judge, mark};
    use crate::workload::rollout::Rollout;
    use keywheel_contract::{
        CredentialId, Held, Holding, Notice, Observation, Question, RotationId, SecretId,
        SecretValue, Strength, VersionId,
    };
    use serde_json::{Value, json};

    /// 2026-01-01T00:00:10Z.
    const STARTED: i64 = 1_767_225_610_000;

    fn seen(pod: Value, rollout: Rollout, versions: &[&str], published_at_ms: i64) -> Observation {
        let id: SecretId = "production/token".parse().unwrap();
        let mut told = json!({ "metadata": { "name": "api-1", "annotations": {} },
            "status": { "phase": "Running", "startTime": "2026-01-01T00:00:10Z",
                        "conditions": [{ "type": "Ready", "status": "True" }] } });
        if let Some(version) = pod["version"].as_str() {
            told["metadata"]["annotations"][annotation(id.as_str(), "k8s:orders/db")] =
                json!(version);
        }
        if pod["deleted"] == true {
            told["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:01:00Z");
        }
        if pod["ready"] == false {
            told["status"]["conditions"] = json!([]);
        }
        let value = SecretValue::from("example".to_owned());
        let known: Vec<_> = versions
            .iter()
            .map(|version| (CredentialId::new(*version), VersionId::new(*version)))
            .collect();
        let held: Vec<Held<'_>> = known
            .iter()
            .map(|(credential, version)| Held {
                credential,
                issuer_ref: None,
                version: Some(version),
                value: &value,
                strong: true,
            })
            .collect();
        let question = Question {
            id: &id,
            consumer: "api",
            destination: "k8s:orders/db",
            held: &held,
            published_at_ms,
            instances: 1,
        };
        judge(&serde_json::from_value(told).unwrap(), &rollout, &question)
    }

    fn notice(version: &str, credential: Option<&str>) -> Notice {
        Notice {
            id: "production/token".parse().unwrap(),
            consumer: "api".to_owned(),
            destination: "k8s:orders/db".to_owned(),
            version: VersionId::new(version),
            credential: credential.map(CredentialId::new),
            rotation: RotationId::new("example-1"),
        }
    }

    fn holds(version: &str) -> Holding {
        Holding::Credential(CredentialId::new(version))
    }

    #[test]
    fn a_pod_of_a_finished_rollout_that_carries_our_version_restarted_with_it() {
        let both = ["new", "old"];
        let pod = |version: &str| json!({ "version": version });
        let new = seen(pod("new"), Rollout::Done, &both, STARTED + 900);
        assert_eq!(
            (new.holding, new.strength),
            (holds("new"), Strength::Restarted)
        );
        let old = seen(pod("old"), Rollout::Done, &both, STARTED - 5000);
        assert_eq!(old.holding, holds("old"));
        let other = seen(pod("theirs"), Rollout::Done, &both, 0);
        assert_eq!(other.holding, Holding::Other);
    }

    #[test]
    fn the_rotation_in_a_mark_is_no_part_of_the_version() {
        let both = ["v 2", "v"];
        let carries = |mark: &str| json!({ "version": mark });
        for version in both {
            for credential in [None, Some("another")] {
                let mark = mark(&notice(version, credential));
                let seen = seen(carries(&mark), Rollout::Done, &both, 0);
                assert_eq!(seen.holding, holds(version), "{mark}");
            }
        }
        let first_kind = seen(carries("v"), Rollout::Done, &both, 0);
        assert_eq!(first_kind.holding, holds("v"));
    }

    /// Another secret of the same document was written: the versions asked about are later than the one in the mark.
    #[test]
    fn a_pod_holds_the_credential_of_its_mark_whatever_version_has_it_now() {
        let both = ["new", "old"];
        for credential in both {
            let mark = mark(&notice("an earlier one", Some(credential)));
            let carries = json!({ "version": mark });
            let seen = seen(carries, Rollout::Done, &both, 0);
            assert_eq!(seen.holding, holds(credential));
            assert_eq!(seen.strength, Strength::Restarted);
        }
    }

    #[test]
    fn what_is_not_finished_is_delivered_at_most_and_says_why() {
        let moving = || Rollout::Moving("1 of 3 pods are new".to_owned());
        let stuck = || Rollout::Stuck("ProgressDeadlineExceeded".to_owned());
        for (pod, rollout, since, words) in [
            (
                json!({ "version": "new" }),
                moving(),
                0,
                "1 of 3 pods are new",
            ),
            (
                json!({ "version": "new" }),
                stuck(),
                0,
                "stuck: ProgressDeadlineExceeded",
            ),
            (
                json!({ "version": "new", "ready": false }),
                Rollout::Done,
                0,
                "not ready",
            ),
            (
                json!({ "version": "new", "deleted": true }),
                Rollout::Done,
                0,
                "being deleted",
            ),
            (
                json!({ "version": "new" }),
                Rollout::Done,
                STARTED + 1000,
                "started before",
            ),
        ] {
            let seen = seen(pod, rollout, &["new", "old"], since);
            assert_eq!(
                (seen.holding, seen.strength),
                (holds("new"), Strength::Delivered)
            );
            assert!(seen.detail.contains(words), "{}", seen.detail);
        }
    }

    #[test]
    fn a_pod_without_a_mark_can_only_hold_what_was_there_before_it_started() {
        let bare = || json!({});
        let first = seen(bare(), Rollout::Done, &["old"], STARTED - 1);
        assert_eq!(
            (first.holding, first.strength),
            (holds("old"), Strength::Restarted)
        );
        let earlier = seen(bare(), Rollout::Done, &["old"], STARTED + 5000);
        assert_eq!(earlier.holding, Holding::Unknown);
        let later = seen(bare(), Rollout::Done, &["new", "old"], STARTED - 5000);
        assert_eq!(later.holding, Holding::Unknown);
    }

    #[test]
    fn the_name_of_an_annotation_fits_and_is_of_one_secret_and_destination() {
        let long = format!("production/{}", "x".repeat(128));
        let name = annotation(&long, "k8s:orders/db");
        let (prefix, rest) = name.split_once('/').unwrap();
        assert_eq!((prefix, rest.len()), ("keywheel", 63));
        assert!(annotation("a/b", "x").starts_with("keywheel/a.b."));
        assert_ne!(annotation("a/b", "x"), annotation("a/b", "y"));
    }
}
