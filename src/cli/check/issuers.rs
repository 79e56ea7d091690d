//! Issuers that secrets name: each system is looked at once, with some of its credentials that are in use.

use super::online::sample;
use crate::actions::Tools;
use crate::inventory::{Definition, IssuerSpec};
use crate::journal::{self, Journal, ledger, secrets};
use keywheel_contract::{CredentialId, Examination, Finding, Verdict};
use std::collections::BTreeMap;

/// One system, as secrets of an environment name it.
pub(super) struct Named<'a> {
    pub(super) environment: &'a str,
    pub(super) spec: &'a IssuerSpec,
    secrets: Vec<&'a Definition>,
}

/// What one of them shows.
pub(super) struct Seen<'a> {
    pub(super) of: Named<'a>,
    /// How many of its secrets were looked at.
    pub(super) title: String,
    pub(super) examination: Examination,
}

/// What each of them shows.
pub(super) async fn examined<'a>(
    tools: &Tools,
    journal: &Journal,
    definitions: &'a [Definition],
) -> journal::Result<Vec<Seen<'a>>> {
    let mut all = Vec::new();
    for of in by_system(definitions) {
        let looks = looked_at(tools, journal, &sample(&of.secrets)).await?;
        let looked: usize = looks.iter().map(|look| look.secrets).sum();
        all.push(Seen {
            title: format!("{looked} of {} secrets looked at", of.secrets.len()),
            examination: joined(looks),
            of,
        });
    }
    Ok(all)
}

/// Entries that are written per secret, each with a user of its own, are one system all the same.
fn by_system(definitions: &[Definition]) -> Vec<Named<'_>> {
    let mut systems: BTreeMap<(&str, &str, String), Named<'_>> = BTreeMap::new();
    for definition in definitions {
        let (environment, spec) = (definition.id.environment(), &definition.issuer);
        let named = systems.entry((environment, &spec.kind, spec.system()));
        let named = named.or_insert_with(|| Named {
            environment,
            spec,
            secrets: Vec::new(),
        });
        named.secrets.push(definition);
    }
    systems.into_values().collect()
}

/// What was seen with the settings that some secrets of a system share.
struct Look<'a> {
    /// The first of these secrets.
    of: &'a Definition,
    secrets: usize,
    seen: Examination,
}

/// One look with each settings; none after one that tells that the system is away, or does not let us in.
async fn looked_at<'a>(
    tools: &Tools,
    journal: &Journal,
    secrets: &[&'a Definition],
) -> journal::Result<Vec<Look<'a>>> {
    let mut looks = Vec::new();
    for (of, alike) in by_settings(secrets) {
        let in_use = in_use(journal, &alike).await?;
        let seen = examine(tools, &of.issuer, &in_use).await;
        let ended = seen.findings.iter().any(ends);
        looks.push(Look {
            of,
            secrets: alike.len(),
            seen,
        });
        if ended {
            break;
        }
    }
    Ok(looks)
}

/// The first of each, and all of them, in the order in which they are written.
fn by_settings<'a>(secrets: &[&'a Definition]) -> Vec<(&'a Definition, Vec<&'a Definition>)> {
    let mut alike: Vec<(&Definition, Vec<&Definition>)> = Vec::new();
    for &one in secrets {
        let same = |(first, _): &&mut (&Definition, _)| first.issuer.options == one.issuer.options;
        match alike.iter_mut().find(same) {
            Some((_, all)) => all.push(one),
            None => alike.push((one, vec![one])),
        }
    }
    alike
}

/// Whether it is about the system, whoever asks: it is away, busy, or does not let us in.
fn ends(finding: &Finding) -> bool {
    let all = matches!(finding.about.as_str(), "reachable" | "permission to look");
    all && matches!(finding.verdict, Verdict::Missing | Verdict::Warning)
}

/// Everything that was seen, each thing once. What not every look saw is told of the secret that it was seen with.
fn joined(looks: Vec<Look<'_>>) -> Examination {
    let count = looks.len();
    let policy = looks.iter().find_map(|look| look.seen.policy.clone());
    let mut told: Vec<(Finding, Vec<String>)> = Vec::new();
    for look in looks {
        let id = look.of.id.to_string();
        for finding in look.seen.findings {
            match told.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, of)) => of.push(id.clone()),
                None => told.push((finding, vec![id.clone()])),
            }
        }
    }
    let findings = told.into_iter().map(|(mut finding, of)| {
        if of.len() < count && !finding.about.contains(": ") {
            finding.about = format!("{}: {}", finding.about, of.join(", "));
        }
        finding
    });
    Examination {
        findings: findings.collect(),
        policy,
    }
}

/// The issuer's names of what these secrets use, as the journal has them, else as the inventory does.
async fn in_use(
    journal: &Journal,
    definitions: &[&Definition],
) -> journal::Result<Vec<CredentialId>> {
    let asked = definitions.iter();
    let asked: Vec<(String, Option<String>)> = asked
        .map(|one| (one.id.to_string(), one.current_id.clone()))
        .collect();
    journal
        .read(async move |tx| {
            let mut found = Vec::new();
            for (secret, written) in &asked {
                let current = secrets::by_id(tx, secret).await?;
                let current = current.and_then(|secret| secret.current_credential);
                let known = match &current {
                    Some(id) => ledger::credential(tx, id).await?,
                    None => None,
                };
                let named = known.and_then(|row| row.issuer_ref);
                found.extend(named.or_else(|| written.clone()).map(CredentialId::new));
            }
            Ok(found)
        })
        .await
}

async fn examine(tools: &Tools, spec: &IssuerSpec, in_use: &[CredentialId]) -> Examination {
    match tools.issuer(spec).await {
        Ok(issuer) => issuer.examine(in_use).await,
        Err(error) => Examination {
            findings: vec![Finding::new("settings", Verdict::Missing, error.message)],
            policy: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(about: &str, verdict: Verdict) -> Finding {
        Finding::new(about, verdict, "as seen")
    }

    #[test]
    fn only_what_is_about_the_whole_system_ends_its_look() {
        for (about, verdict, is) in [
            ("reachable", Verdict::Missing, true),
            ("reachable", Verdict::Warning, true),
            ("reachable", Verdict::Good, false),
            ("reachable", Verdict::Unproven, false),
            ("permission to look", Verdict::Missing, true),
            ("in use: key-1", Verdict::Missing, false),
            ("settings", Verdict::Missing, false),
        ] {
            assert_eq!(ends(&finding(about, verdict)), is, "{about} {verdict:?}");
        }
    }
}
