//! The gate: is every required consumer proven on this credential? Pure, and asked again inside the
//! transaction that commits an intent to end anything.

use super::facts::{Evidence, Facts};
use super::words::Kind;
use crate::inventory::{ConsumerSpec, Role, VerifySpec};
use keywheel_contract::Strength;
use std::collections::BTreeSet;

/// A consumer that has to be proven.
#[derive(Debug, Clone)]
pub struct Required {
    /// Its name.
    pub name: String,
    /// How it is told and seen.
    pub spec: ConsumerSpec,
    /// The weakest evidence accepted.
    pub proof: Strength,
    /// How many distinct instances.
    pub instances: u32,
}

impl Required {
    /// Whether it says by itself what it holds, and cannot be asked.
    pub fn attests(&self) -> bool {
        matches!(self.spec.verify, VerifySpec::Attest)
    }
}

/// A required consumer that is not proven, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub consumer: String,
    /// How many instances are proven.
    pub proven: u32,
    /// How many are required.
    pub instances: u32,
    /// A sentence for people.
    pub why: String,
    /// Whether an instance was seen on something else, rather than not seen.
    pub elsewhere: bool,
}

/// What evidence says where it cannot tell.
const UNKNOWN: &str = "unknown";

/// Everyone who has to be proven: [`listed`], less those a person vouched for.
pub fn required(facts: &Facts) -> Vec<Required> {
    listed(facts)
        .into_iter()
        .filter(|consumer| !is_waived(facts, &consumer.name))
        .collect()
}

/// The consumers of the plan and of today's inventory together.
///
/// An edit of the inventory can add a consumer or raise its proof at any time; taking one out, or lowering
/// what is asked of it, takes a waiver.
pub fn listed(facts: &Facts) -> Vec<Required> {
    let today = facts.today.as_ref();
    let mut names: BTreeSet<&String> = facts.plan.consumers.keys().collect();
    names.extend(
        today
            .iter()
            .flat_map(|definition| definition.consumers.keys()),
    );
    names
        .into_iter()
        .filter_map(|name| {
            let planned = facts
                .plan
                .consumers
                .get(name)
                .map(|spec| (spec, facts.plan.timing.proof));
            let current =
                today.and_then(|d| d.consumers.get(name).map(|spec| (spec, d.timing.proof)));
            let proof = [planned, current]
                .into_iter()
                .flatten()
                .map(|(spec, usual)| spec.proof.unwrap_or(usual))
                .max()?;
            let instances = [planned, current]
                .into_iter()
                .flatten()
                .map(|(spec, _)| spec.instances)
                .max()?;
            let spec = current.or(planned)?.0.clone();
            Some(Required {
                name: name.clone(),
                spec,
                proof,
                instances: instances.max(1),
            })
        })
        .collect()
}

/// Whether a person vouched for this subject and the waiver still stands.
pub fn is_waived(facts: &Facts, subject: &str) -> bool {
    facts
        .waivers
        .iter()
        .any(|waiver| waiver.subject == subject && waiver.until_ms > facts.now_ms)
}

/// In which order consumers are told: acceptors before presenters, canaries before the others.
pub fn rank(spec: &ConsumerSpec) -> u8 {
    let side = match spec.role {
        Some(Role::Presents) => 2,
        Some(Role::Accepts) | None => 0,
    };
    side + u8::from(!spec.canary)
}

/// Since when evidence counts for a consumer: strictly after the write that it reads.
pub fn counts_since(facts: &Facts, required: &Required, writes: &[Kind]) -> i64 {
    // What it reads is not in the plan: nothing it shows can count.
    let Some(destination) = facts.read_by(&required.spec) else {
        return i64::MAX;
    };
    let name = destination.name();
    writes
        .iter()
        .filter_map(|kind| facts.written_ms(*kind, &name))
        .max()
        .unwrap_or(0)
}

/// Which of `consumers` are not proven on `credential` by evidence younger than `since` says.
pub fn missing(
    facts: &Facts,
    consumers: &[Required],
    credential: &str,
    since: impl Fn(&Required) -> i64,
) -> Vec<Missing> {
    consumers
        .iter()
        .filter_map(|required| one_missing(facts, required, credential, since(required)))
        .collect()
}

fn one_missing(
    facts: &Facts,
    required: &Required,
    credential: &str,
    since: i64,
) -> Option<Missing> {
    let seen: Vec<&Evidence> = facts
        .evidence
        .iter()
        .filter(|e| e.consumer == required.name && e.at_ms > since)
        .collect();
    let holds = |e: &&&Evidence| e.holding == credential && e.strength >= required.proof;
    let proven = u32::try_from(seen.iter().filter(holds).count()).unwrap_or(u32::MAX);
    let astray = seen.iter().copied().find(|e| e.holding != credential);
    let astray = astray.or_else(|| said_last(facts, required, credential));
    if astray.is_none() && proven >= required.instances {
        return None;
    }
    let why = match astray {
        Some(e) => astray_words(facts, e),
        None => unseen(facts, required, &seen, proven),
    };
    Some(Missing {
        consumer: required.name.clone(),
        proven,
        instances: required.instances,
        why,
        elsewhere: seen
            .iter()
            .copied()
            .chain(astray)
            .any(|e| e.holding != credential && e.holding != UNKNOWN),
    })
}

/// Who attests cannot be asked again: what an instance said last since the new value was published stands, however long
/// ago, until it says something else.
fn said_last<'a>(facts: &'a Facts, required: &Required, credential: &str) -> Option<&'a Evidence> {
    if !required.attests() {
        return None;
    }
    let published_ms = counts_since(facts, required, &[Kind::Publish]);
    let contradicts = |e: &&Evidence| {
        e.consumer == required.name
            && e.at_ms > published_ms
            && e.holding != credential
            && e.holding != UNKNOWN
    };
    facts.evidence.iter().find(contradicts)
}

/// What an instance was seen on instead; its detail alone would read as if all were well.
fn astray_words(facts: &Facts, seen: &Evidence) -> String {
    let old = facts.old.as_ref().map(|old| old.id.as_str());
    let candidate = facts.candidate.as_ref().map(|new| new.id.as_str());
    let on = match Some(seen.holding.as_str()) {
        holding if holding == old => " is on the old credential",
        holding if holding == candidate => " is on the new credential",
        _ => "",
    };
    format!("instance {}{on}: {}", seen.instance, seen.detail)
}

fn unseen(facts: &Facts, required: &Required, seen: &[&Evidence], proven: u32) -> String {
    if let VerifySpec::None { why } = &required.spec.verify {
        return format!("it cannot be seen ({why}); only `keywheel vouch` passes it");
    }
    if let Some(weak) = seen.iter().find(|e| e.strength < required.proof) {
        let (is, asked) = (weak.strength.word(), required.proof.word());
        return format!("the evidence is `{is}`, and `{asked}` is asked for");
    }
    let asked = facts.probe(super::words::Look::Observe, &required.name);
    match asked.filter(|probe| !probe.is_ok()) {
        Some(probe) => probe.detail.clone(),
        None if proven > 0 => format!("{proven} of {} instances answered", required.instances),
        None => silent(&required.spec.verify).to_owned(),
    }
}

/// Nobody was seen, and nothing failed.
fn silent(verify: &VerifySpec) -> &'static str {
    match verify {
        VerifySpec::Sessions { .. } => "no session of it is seen: it is not connected now",
        VerifySpec::Attest => "it has not attested since then",
        _ => "it has not answered yet",
    }
}
