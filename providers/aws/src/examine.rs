//! What a look at the account and its secrets tells, by calls that change nothing.

use crate::calls::Calls;
use crate::policy::{self, ACTIONS, CREATE, Home, Needed, ROTATE};
use crate::probe::Probe;
use crate::secret::Secret;
use chrono::{DateTime, Utc};
use keywheel_contract::{
    Error, ErrorKind, Examination, Finding, Place, Result, SecretStore, Verdict, seen,
};

/// A clock that is further off is said to be; AWS refuses a signature that is five minutes off.
const NOTABLE_SECONDS: i64 = 30;
const REFUSED_SECONDS: i64 = 5 * 60;

/// Everything about these places.
pub(crate) async fn examine(
    store: &dyn SecretStore,
    calls: &Calls,
    places: &[Place],
) -> Examination {
    let identity = calls.identity().await;
    let mut findings = vec![who(&identity), clock(&calls.date().await)];
    let mut needed = Vec::new();
    for place in places {
        findings.push(seen(place, store.inspect(place).await));
        let standing = calls.describe(&place.path).await;
        findings.extend(about(calls, place, &standing).await);
        needed.push(need(place, standing.ok().flatten()));
    }
    let policy = match (&identity, calls.clients().await) {
        (Ok((identity, account)), Ok(clients)) => Some(policy::text(
            &needed,
            &Home {
                identity,
                account,
                region: &clients.region,
            },
            calls.options().delegate,
        )),
        _ => None,
    };
    Examination { findings, policy }
}

fn who(identity: &Result<(String, String)>) -> Finding {
    match identity {
        Ok((arn, _)) => Finding::new("identity", Verdict::Good, arn),
        // The Security Token Service may be out of reach where Secrets Manager is not.
        Err(error) if error.kind == ErrorKind::Unavailable => {
            Finding::new("identity", Verdict::Unproven, &error.message)
        }
        Err(error) => Finding::new("identity", Verdict::Missing, &error.message),
    }
}

fn clock(date: &Option<String>) -> Finding {
    let theirs = date.as_deref().map(DateTime::parse_from_rfc2822);
    let Some(Ok(theirs)) = theirs else {
        return Finding::new("clock", Verdict::Unproven, "AWS did not tell its time");
    };
    let off = (Utc::now() - theirs.to_utc()).num_seconds();
    let detail = format!("{off} s from AWS's");
    let verdict = match off.abs() {
        0..=NOTABLE_SECONDS => Verdict::Good,
        ..REFUSED_SECONDS => Verdict::Warning,
        _ => Verdict::Missing,
    };
    Finding::new("clock", verdict, detail)
}

async fn about(calls: &Calls, place: &Place, standing: &Result<Option<Secret>>) -> Vec<Finding> {
    let path = &place.path;
    let permission = |action: &str, verdict, detail: &str| {
        Finding::new(format!("permission {action}: {path}"), verdict, detail)
    };
    let mut findings = Vec::new();
    match standing {
        Ok(Some(secret)) => {
            findings.push(permission(ACTIONS[0], Verdict::Good, "used"));
            match calls.options().delegate {
                false => findings.extend(probed(calls, path, &WRITING).await),
                true => {
                    findings.extend(probed(calls, path, &READING).await);
                    let detail = "cannot be tried without rotating";
                    findings.push(permission(ROTATE, Verdict::Unproven, detail));
                }
            }
            findings.extend(more(calls, path, secret).await);
        }
        Ok(None) => {
            findings.push(permission(ACTIONS[0], Verdict::Good, "used"));
            let region = calls.clients().await.map_or("", |clients| &clients.region);
            let nowhere = format!("there is no secret in {region} on which to try");
            for action in ACTIONS[1..].iter().chain([&CREATE]) {
                findings.push(permission(action, Verdict::Unproven, &nowhere));
            }
        }
        Err(error) => findings.push(permission(ACTIONS[0], verdict(error), &error.message)),
    }
    findings
}

/// What is tried on a secret that AWS rotates.
const READING: [(&str, Probe); 2] = [(ACTIONS[1], Probe::Get), (ACTIONS[2], Probe::List)];
/// What is tried on one of ours.
const WRITING: [(&str, Probe); 4] = [
    READING[0],
    READING[1],
    (ACTIONS[3], Probe::Put),
    (ACTIONS[4], Probe::Move),
];

/// Calls that must be told "not found" and not "denied".
async fn probed(calls: &Calls, path: &str, tried: &[(&str, Probe)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (action, probe) in tried {
        let (action, probe) = (*action, *probe);
        let about = format!("permission {action}: {path}");
        let finding = match calls.probe(path, probe).await {
            Ok(()) => Finding::new(about, Verdict::Good, "used"),
            Err(error) if is_refusal(&error) && probe.proves() => {
                Finding::new(about, Verdict::Good, "a call about nothing was not denied")
            }
            Err(error) if is_refusal(&error) => {
                let detail =
                    "a call without a value was refused for its form, which proves no right";
                Finding::new(about, Verdict::Unproven, detail)
            }
            Err(error) => Finding::new(about, verdict(&error), &error.message),
        };
        findings.push(finding);
    }
    findings
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid)
}

fn verdict(error: &Error) -> Verdict {
    match error.kind {
        ErrorKind::Denied => Verdict::Missing,
        _ => Verdict::Unproven,
    }
}

async fn more(calls: &Calls, path: &str, secret: &Secret) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |about: &str, verdict, detail: String| {
        findings.push(Finding::new(format!("{about}: {path}"), verdict, detail));
    };
    if secret.managed_by.is_none() {
        add("native rotation", Verdict::Good, "none".to_owned());
    }
    for warning in secret.warnings() {
        add("labels and replicas", Verdict::Warning, warning);
    }
    match calls.versions(path).await {
        Ok(versions) => {
            let made = versions.of_the_last_day(Utc::now().timestamp_millis());
            let detail = format!("{made} versions in the last 24 hours, of about 100");
            add("headroom", Verdict::Good, detail);
        }
        Err(error) => add("headroom", Verdict::Unproven, error.message),
    }
    if let Some(key) = &secret.kms_key {
        let detail = format!("the key is {key}; only reading and writing a value uses it");
        let about = "permission kms:Decrypt, kms:GenerateDataKey";
        add(about, Verdict::Unproven, detail);
    }
    findings
}

fn need(place: &Place, standing: Option<Secret>) -> Needed {
    let secret = standing.unwrap_or_default();
    Needed {
        path: place.path.clone(),
        arn: secret.arn,
        function: secret.function,
        // A policy names keys by their ARNs only.
        kms_key: secret.kms_key.filter(|key| key.starts_with("arn:")),
    }
}

#[cfg(test)]
mod tests {
    use super::clock;
    use chrono::{TimeDelta, Utc};
    use keywheel_contract::Verdict;

    #[test]
    fn a_clock_that_is_off_is_told_before_aws_refuses() {
        let off = |seconds| {
            let date = Utc::now() + TimeDelta::seconds(seconds);
            clock(&Some(date.to_rfc2822())).verdict
        };
        assert_eq!(off(-5), Verdict::Good);
        assert_eq!(off(120), Verdict::Warning);
        assert_eq!(off(-600), Verdict::Missing);
        assert_eq!(clock(&None).verdict, Verdict::Unproven);
    }
}
