//! Issuers that secrets name: each is looked at once, with some of its credentials that are in use.

use super::online::sample;
use crate::actions::Tools;
use crate::inventory::{Definition, IssuerSpec};
use crate::journal::{self, Journal, ledger, secrets};
use keywheel_contract::{CredentialId, Examination, Finding, Verdict};
use std::collections::BTreeMap;

/// One issuer, as secrets of an environment name it.
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
    for of in by_issuer(definitions) {
        let some = sample(&of.secrets);
        let in_use = in_use(journal, &some).await?;
        all.push(Seen {
            title: format!("{} of {} secrets looked at", some.len(), of.secrets.len()),
            examination: examine(tools, of.spec, &in_use).await,
            of,
        });
    }
    Ok(all)
}

fn by_issuer(definitions: &[Definition]) -> Vec<Named<'_>> {
    let mut issuers: BTreeMap<(&str, String), Named<'_>> = BTreeMap::new();
    for definition in definitions {
        let (environment, spec) = (definition.id.environment(), &definition.issuer);
        let settings = serde_json::Value::Object(spec.options.clone());
        let key = format!("{} {} {settings}", spec.name, spec.kind);
        let named = issuers.entry((environment, key));
        let named = named.or_insert_with(|| Named {
            environment,
            spec,
            secrets: Vec::new(),
        });
        named.secrets.push(definition);
    }
    issuers.into_values().collect()
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
