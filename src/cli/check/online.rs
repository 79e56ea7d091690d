//! `keywheel check --online`: would rotations work with the stores, issuers and programs as they are now?

use super::super::exit::{Exit, Failure};
use super::super::heading::Daemons;
use super::super::output::{Envelope, Prose};
use super::{issuers, workloads};
use crate::actions::Tools;
use crate::config::Config;
use crate::inventory::{Definition, StoreSpec};
use crate::journal::Journal;
use crate::providers::place_of;
use keywheel_contract::{Examination, Finding, Place, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// At most this many places of a store, or secrets of an issuer, are looked at, so that a look stays far below every quota.
const SAMPLE: usize = 40;

/// One finding, as scripts read it; or the smallest rights that suffice, whose `verdict` is `policy`.
#[derive(Serialize)]
struct Item<'a> {
    environment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    kind: &'a str,
    about: &'a str,
    verdict: &'static str,
    detail: &'a str,
}

/// The places of one store that secrets of an environment are published to.
struct Used<'a> {
    environment: &'a str,
    spec: &'a StoreSpec,
    places: Vec<Place>,
}

/// Enough of them, from all over, to find what is wrong with a store, an issuer or our rights there.
pub(super) fn sample<T: Clone>(all: &[T]) -> Vec<T> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.iter().step_by(step).cloned().collect()
}

pub(super) async fn run(
    config: &Config,
    journal: &Journal,
    definitions: &[Definition],
    output: Prose,
) -> Result<Exit, Failure> {
    let tools = Tools::new(config, journal).await?;
    let daemons = Daemons::of(journal).await?;
    let now = journal.clock().now_ms();
    // Nothing that fails with the journal may come between the opening and the closing of the envelope.
    let issuers = issuers::examined(&tools, journal, definitions).await?;
    let mut envelope = Envelope::open(output, "keywheel/check/1", now, &daemons.alive)?;
    let mut missing = 0;
    for used in by_store(definitions) {
        let seen = examine(&tools, &used).await;
        let (looked, count) = (sample(&used.places).len(), used.places.len());
        let title = format!("{looked} of {count} places looked at");
        let whose = Whose {
            environment: used.environment,
            what: What::Store(&used.spec.name),
            kind: &used.spec.kind,
        };
        missing += tell(&mut envelope, output, &whose, &title, &seen)?;
    }
    for (run_by, seen) in workloads::examined(&tools, definitions).await {
        let title = format!("workload {}", run_by.name);
        let whose = Whose {
            environment: run_by.environment,
            what: What::Store(run_by.store),
            kind: run_by.kind,
        };
        missing += tell(&mut envelope, output, &whose, &title, &seen)?;
    }
    for seen in issuers {
        let whose = Whose {
            environment: seen.of.environment,
            what: What::Issuer(&seen.of.spec.name),
            kind: &seen.of.spec.kind,
        };
        missing += tell(
            &mut envelope,
            output,
            &whose,
            &seen.title,
            &seen.examination,
        )?;
    }
    envelope.close();
    let away = unreachable(&tools, definitions).await;
    for line in &away {
        anstream::eprintln!("unreachable: {line}");
    }
    if missing > 0 || !away.is_empty() {
        return Ok(Exit::Failed);
    }
    if !output.is_json() {
        anstream::println!(
            "every store and issuer answers, as far as it can be looked at; consumers' programs are set up as they must \
             be, and are not called"
        );
    }
    Ok(Exit::Done)
}

fn by_store(definitions: &[Definition]) -> Vec<Used<'_>> {
    let mut stores: BTreeMap<(&str, String), Used<'_>> = BTreeMap::new();
    for definition in definitions {
        let environment = definition.id.environment();
        for destination in &definition.destinations {
            let spec = &destination.store;
            let settings = serde_json::Value::Object(spec.options.clone());
            let used = stores
                .entry((
                    environment,
                    format!("{} {} {settings}", spec.name, spec.kind),
                ))
                .or_insert_with(|| Used {
                    environment,
                    spec,
                    places: Vec::new(),
                });
            used.places.push(place_of(destination));
        }
    }
    stores.into_values().collect()
}

async fn examine(tools: &Tools, used: &Used<'_>) -> Examination {
    match tools.store(used.spec).await {
        Ok(store) => store.examine(&sample(&used.places)).await,
        Err(error) => Examination {
            findings: vec![Finding::new("settings", Verdict::Missing, error.message)],
            policy: None,
        },
    }
}

/// Whose it is: an environment, and what it was looked at through.
struct Whose<'a> {
    environment: &'a str,
    what: What<'a>,
    kind: &'a str,
}

/// What it was looked at through, by its key in the inventory.
enum What<'a> {
    /// A store, or `systemd`.
    Store(&'a str),
    Issuer(&'a str),
}

impl Whose<'_> {
    fn shown(&self) -> String {
        let Self {
            environment, kind, ..
        } = self;
        match (&self.what, *kind) {
            (_, "systemd") => format!("systemd, for {environment}"),
            (What::Store(store), _) => format!("store {store} of {environment} ({kind})"),
            (What::Issuer(issuer), _) => format!("issuer {issuer} of {environment} ({kind})"),
        }
    }
}

/// Shows what was seen; how much is missing.
fn tell(
    envelope: &mut Envelope,
    output: Prose,
    whose: &Whose<'_>,
    title: &str,
    seen: &Examination,
) -> Result<usize, Failure> {
    match output.is_json() {
        true => items(envelope, whose, seen)?,
        false => show(whose, title, seen),
    }
    let missing = |one: &&Finding| one.verdict == Verdict::Missing;
    Ok(seen.findings.iter().filter(missing).count())
}

fn items(envelope: &mut Envelope, whose: &Whose<'_>, seen: &Examination) -> Result<(), Failure> {
    let findings = seen.findings.iter();
    let findings = findings.map(|f| (f.about.as_str(), word(f.verdict), f.detail.as_str()));
    let policy = seen.policy.as_deref();
    let policy = policy.map(|policy| ("rights that suffice", "policy", policy));
    let (store, issuer) = match whose.what {
        What::Store(store) => (Some(store), None),
        What::Issuer(issuer) => (None, Some(issuer)),
    };
    for (about, verdict, detail) in findings.chain(policy) {
        envelope.item(&Item {
            environment: whose.environment,
            store,
            issuer,
            kind: whose.kind,
            about,
            verdict,
            detail,
        })?;
    }
    Ok(())
}

fn show(whose: &Whose<'_>, title: &str, seen: &Examination) {
    anstream::println!("{}, {title}", whose.shown());
    for finding in &seen.findings {
        let verdict = match finding.verdict {
            Verdict::Missing => "MISSING",
            other => word(other),
        };
        anstream::println!("  {verdict:<8} {}: {}", finding.about, finding.detail);
    }
    if let Some(policy) = &seen.policy {
        anstream::println!("  these rights suffice for what was looked at:");
        for line in policy.lines() {
            anstream::println!("    {line}");
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Warning => "warning",
        Verdict::Missing => "missing",
        Verdict::Unproven => "unproven",
    }
}

/// Issuers and programs that cannot be built or do not describe themselves.
async fn unreachable(tools: &Tools, definitions: &[Definition]) -> BTreeSet<String> {
    let mut away = BTreeSet::new();
    for definition in definitions {
        if let Err(error) = tools.outside(definition, None).await {
            away.insert(error.to_string());
        }
    }
    away
}
