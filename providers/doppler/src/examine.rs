//! Whether rotations of places would work, by calls that change nothing.

use crate::DopplerStore;
use crate::api::Me;
use crate::place::Config;
use chrono::{DateTime, Utc};
use keywheel_contract::{Examination, Finding, Place, SecretStore as _, Verdict, seen};
use std::collections::BTreeSet;

/// Clocks further apart than this are told, in seconds.
const SKEW: i64 = 60;

impl DopplerStore {
    pub(crate) async fn examined(&self, places: &[Place]) -> Examination {
        let mut findings = Vec::new();
        match self.api.me().await {
            Ok((me, date)) => findings.extend([identity(&me), clock(date.as_deref())]),
            Err(error) => {
                findings.push(Finding::new("identity", Verdict::Missing, error.message));
            }
        }
        for place in places {
            findings.extend(self.examined_at(place).await);
        }
        Examination {
            findings,
            policy: policy(places),
        }
    }

    async fn examined_at(&self, place: &Place) -> Vec<Finding> {
        let path = &place.path;
        let reachable = seen(place, self.inspect(place).await);
        if reachable.verdict != Verdict::Good {
            return vec![reachable];
        }
        let about = |what: &str| format!("{what}: {path}");
        let mut findings = vec![
            reachable,
            Finding::new(
                about("permission to read"),
                Verdict::Good,
                "our secrets were read",
            ),
            Finding::new(
                about("permission to write"),
                Verdict::Unproven,
                "only a save shows whether the token writes, and whether a policy demands a change request",
            ),
            Finding::new(
                about("native rotation"),
                Verdict::Unproven,
                "Doppler tells no token which secrets it rotates itself: none of ours may be one",
            ),
        ];
        findings.extend(self.inherits(place).await);
        findings
    }

    async fn inherits(&self, place: &Place) -> Option<Finding> {
        let config = Config::of(place).ok()?;
        let facts = self.api.config(config).await.ok()?;
        let detail = "a branch config: a secret that is inherited from its root gets a value of its own by the first \
                      rotation";
        let about = format!("branch: {}", place.path);
        (!facts.root).then(|| Finding::new(about, Verdict::Warning, detail))
    }
}

fn identity(me: &Me) -> Finding {
    let detail = format!(
        "token `{}` of kind `{}`, workplace {}",
        me.name, me.kind, me.workplace.name
    );
    let verdict = match me.kind.as_str() {
        "cli" | "personal" => Verdict::Warning,
        _ => Verdict::Good,
    };
    match verdict {
        Verdict::Warning => {
            let detail = format!("{detail}: it is a person's, with all their rights");
            Finding::new("identity", verdict, detail)
        }
        _ => Finding::new("identity", verdict, detail),
    }
}

fn clock(date: Option<&str>) -> Finding {
    let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let Some(theirs) = theirs else {
        return Finding::new("clock", Verdict::Unproven, "the answer has no date");
    };
    let apart = Utc::now().timestamp() - theirs.timestamp();
    match apart.abs() <= SKEW {
        true => Finding::new("clock", Verdict::Good, format!("{apart} s apart")),
        false => Finding::new(
            "clock",
            Verdict::Warning,
            format!("ours and Doppler's are {apart} s apart"),
        ),
    }
}

/// One service token for each config: the smallest right there is.
fn policy(places: &[Place]) -> Option<String> {
    let configs: BTreeSet<_> = places.iter().map(|place| place.path.as_str()).collect();
    let token = |path: &str| {
        let Config { project, config } = Config::named(path).ok()?;
        Some(format!(
            "doppler configs tokens create keywheel --project {project} --config {config} --access read/write --plain\n"
        ))
    };
    let lines: String = configs.into_iter().filter_map(token).collect();
    (!lines.is_empty()).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::{clock, policy};
    use chrono::{TimeDelta, Utc};
    use keywheel_contract::{Place, Verdict};

    #[test]
    fn clocks_are_compared() {
        let at = |seconds| {
            let date = Utc::now() + TimeDelta::seconds(seconds);
            clock(Some(&date.to_rfc2822())).verdict
        };
        assert_eq!((at(0), at(300)), (Verdict::Good, Verdict::Warning));
        assert_eq!(clock(None).verdict, Verdict::Unproven);
    }

    #[test]
    fn one_token_serves_all_places_of_a_config() {
        let place = |path: &str| Place {
            path: path.into(),
            fields: vec!["A".into()],
            selector: None,
        };
        let text = policy(&[place("b/prd"), place("a/prd"), place("b/prd"), place("bad")]);
        let text = text.unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("--project a --config prd --access read/write"));
        assert!(policy(&[]).is_none());
    }
}
