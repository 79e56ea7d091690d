//! Whether rotations of places would work, by calls that change nothing.

use crate::GithubStore;
use crate::api::Limits;
use crate::place::Owner;
use crate::transport::Answer;
use chrono::Utc;
use keywheel_contract::{Examination, Finding, Place, SecretStore as _, Verdict, seen};
use std::collections::BTreeSet;

/// Clocks further apart than this are told, in seconds.
const SKEW: i64 = 60;

impl GithubStore {
    pub(crate) async fn examined(&self, places: &[Place]) -> Examination {
        let mut findings = Vec::new();
        let mut scopes = None;
        match self.api.limits().await {
            Ok((limits, answer)) => {
                findings.extend([identity(&answer), headroom(&limits), clock(&answer)]);
                scopes = answer.scopes;
            }
            Err(error) => {
                findings.push(Finding::new("identity", Verdict::Missing, error.message));
            }
        }
        for place in places {
            findings.extend(self.examined_at(place, scopes.as_deref()).await);
        }
        Examination {
            findings,
            policy: policy(places),
        }
    }

    async fn examined_at(&self, place: &Place, scopes: Option<&str>) -> Vec<Finding> {
        let reachable = seen(place, self.inspect(place).await);
        let owner = Owner::of(place).ok();
        let Some(owner) = owner.filter(|_| reachable.verdict == Verdict::Good) else {
            return vec![reachable];
        };
        vec![
            reachable,
            may_write(place, owner, scopes),
            never_read(place),
        ]
    }
}

fn identity(answer: &Answer) -> Finding {
    let ends = match &answer.expires {
        Some(expires) => format!("; it ends at {expires}"),
        None => String::new(),
    };
    let (verdict, detail) = match &answer.scopes {
        Some(scopes) => (
            Verdict::Warning,
            format!(
                "a classic token with the scopes `{scopes}`, of every repository of its person: a fine-grained one or \
                 an app's can be limited to the places below"
            ),
        ),
        None => (
            Verdict::Good,
            "a fine-grained token or an app's: GitHub does not tell its permissions".to_owned(),
        ),
    };
    Finding::new("identity", verdict, detail + &ends)
}

fn headroom(limits: &Limits) -> Finding {
    let detail = format!(
        "{} of {} calls are left in this hour",
        limits.remaining, limits.limit
    );
    let verdict = match limits.remaining >= limits.limit / 10 {
        true => Verdict::Good,
        false => Verdict::Warning,
    };
    Finding::new("headroom", verdict, detail)
}

fn clock(answer: &Answer) -> Finding {
    let Some(theirs) = answer.date else {
        return Finding::new("clock", Verdict::Unproven, "the answer has no date");
    };
    let apart = Utc::now().timestamp() - theirs.timestamp();
    match apart.abs() <= SKEW {
        true => Finding::new("clock", Verdict::Good, format!("{apart} s apart")),
        false => Finding::new(
            "clock",
            Verdict::Warning,
            format!("ours and GitHub's are {apart} s apart"),
        ),
    }
}

/// A classic token says what it may; of any other only a write shows it.
fn may_write(place: &Place, owner: Owner<'_>, scopes: Option<&str>) -> Finding {
    let about = format!("permission to write: {}", place.path);
    let needed = match owner {
        Owner::Repository { .. } | Owner::Environment { .. } => "repo",
        Owner::Organization { .. } => "admin:org",
    };
    match scopes {
        None => Finding::new(
            about,
            Verdict::Unproven,
            "the place shows its public key; only a write shows whether the token may write",
        ),
        Some(scopes) if scopes.split(", ").any(|scope| scope == needed) => Finding::new(
            about,
            Verdict::Good,
            format!("the token has the scope `{needed}`"),
        ),
        Some(_) => Finding::new(
            about,
            Verdict::Missing,
            format!("the token lacks the scope `{needed}`"),
        ),
    }
}

fn never_read(place: &Place) -> Finding {
    Finding::new(
        format!("read back: {}", place.path),
        Verdict::Unproven,
        "GitHub never shows a secret: that a workflow gets the new value is shown by a run of it",
    )
}

/// The smallest permissions of a fine-grained token or an app, a line for each place.
fn policy(places: &[Place]) -> Option<String> {
    let paths: BTreeSet<_> = places.iter().map(|place| place.path.as_str()).collect();
    let line = |path: &&str| {
        let rights = match Owner::named(path).ok()? {
            Owner::Repository { owner, name } => {
                format!("{owner}/{name}: repository permission \"Secrets\": read and write")
            }
            Owner::Environment {
                owner, repository, ..
            } => format!(
                "{owner}/{repository}: repository permission \"Environments\": read and write"
            ),
            Owner::Organization { name } => {
                format!("{name}: organization permission \"Secrets\": read and write")
            }
        };
        Some(rights + "\n")
    };
    let lines: BTreeSet<String> = paths.iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::policy;
    use keywheel_contract::Place;

    #[test]
    fn each_kind_of_place_has_its_permission_once() {
        let place = |path: &str| Place {
            path: path.into(),
            fields: vec!["A".into()],
            selector: None,
        };
        let places = [
            "o/r",
            "o/r",
            "o/r/environments/a",
            "o/r/environments/b",
            "orgs/o",
            "bad",
        ];
        let text = policy(&places.map(place)).unwrap();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "o/r: repository permission \"Environments\": read and write",
                "o/r: repository permission \"Secrets\": read and write",
                "o: organization permission \"Secrets\": read and write",
            ]
        );
        assert!(policy(&[]).is_none());
    }
}
