//! What will start when and why, and what one rotation would do. Pure; nothing is changed by looking.

use super::when::{rfc3339, span};
use crate::inventory::{ConsumerSpec, Definition, NotifySpec, UnitBy, UnitSpec, VerifySpec};
use crate::journal::overview::Coming;
use crate::rotation::gate;
use keywheel_schedules::{Gate, Opening, Span};
use serde::Serialize;

/// A start that is coming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StartItem {
    /// The secret.
    pub id: String,
    /// Key of the owner.
    pub owner: String,
    /// `track`, `approve` or `auto`.
    pub manage: String,
    /// When the scheduler acts; nothing where a person has to.
    pub starts_at: Option<String>,
    /// Where a person starts it: its place in a spread.
    pub first_at: Option<String>,
    /// When it is due.
    pub due_at: Option<String>,
    /// Why then.
    pub reason: String,
    /// Where its window is closed at that moment: when it opens.
    pub opens_at: Option<String>,
}

/// The item of one that is coming, with its window where its definition is at hand.
pub fn start(coming: &Coming, definition: Option<&Definition>) -> StartItem {
    let opens = definition.zip(coming.start_ms).and_then(|(one, at)| {
        match one.timing.open(Gate::Start, at) {
            Opening::Now => None,
            Opening::At { at_ms, .. } => Some(rfc3339(at_ms)),
        }
    });
    StartItem {
        id: coming.id.clone(),
        owner: coming.owner.clone(),
        manage: coming.manage.clone(),
        starts_at: coming.start_ms.map(rfc3339),
        first_at: coming
            .first_ms
            .filter(|_| coming.start_ms.is_none())
            .map(rfc3339),
        due_at: coming.next_rotation_ms.map(rfc3339),
        reason: why(coming),
        opens_at: opens,
    }
}

fn why(coming: &Coming) -> String {
    match (&coming.paused_by, coming.busy, coming.start_ms) {
        (Some(by), ..) => format!("paused by {by}: starts only after `keywheel resume`"),
        (None, true, _) => "a rotation is under way".to_owned(),
        (None, false, None) if coming.first_ms.is_some() => {
            let why = &coming.start_reason;
            format!("a person starts it ({}); {why}", coming.manage)
        }
        (None, false, None) => format!("due, and a person starts it ({})", coming.manage),
        (None, false, Some(_)) => coming.start_reason.clone(),
    }
}

/// One step of a rotation as it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The phase.
    pub phase: &'static str,
    /// How long it lasts, where the schedule says so.
    pub lasts: Option<String>,
    /// What happens, for people.
    pub what: Vec<String>,
}

/// The phases of a rotation of this secret.
pub fn stages(definition: &Definition) -> Vec<Stage> {
    let timing = &definition.timing;
    let stage = |phase, lasts: Option<Span>, what: Vec<String>| Stage {
        phase,
        lasts: lasts.map(|lasts| span(lasts.millis())),
        what,
    };
    let issuer = &definition.issuer;
    let published = definition.destinations.iter().map(|one| one.name());
    let one = |text: &str| vec![text.to_owned()];
    vec![
        stage(
            "preflight",
            None,
            one("stores, issuer and every consumer are looked at; nothing changes"),
        ),
        stage(
            "minting",
            None,
            vec![format!(
                "a new credential from {} ({})",
                issuer.name, issuer.kind
            )],
        ),
        stage("publishing", None, published.collect()),
        stage("notifying", None, told(definition)),
        stage("verifying", Some(timing.prove_within), proofs(definition)),
        stage("overlapping", Some(timing.overlap), both(definition)),
        stage("disabling", None, one("evidence is taken again first")),
        stage(
            "observing",
            Some(timing.undo),
            one("the old credential can be brought back"),
        ),
        stage(
            "revoking",
            None,
            one("point of no return; evidence is taken again first"),
        ),
    ]
}

fn both(definition: &Definition) -> Vec<String> {
    let silent = format!(
        "both credentials work; then silent for {}",
        span(definition.timing.quiet.millis())
    );
    let used = definition
        .new_used
        .then(|| "its issuer has to see somebody use the new one".to_owned());
    std::iter::once(silent).chain(used).collect()
}

/// Consumers in the order in which they are told.
fn in_order(definition: &Definition) -> Vec<(&String, &ConsumerSpec)> {
    let mut all: Vec<_> = definition.consumers.iter().collect();
    all.sort_by_key(|(name, spec)| (gate::rank(spec), *name));
    all
}

fn told(definition: &Definition) -> Vec<String> {
    let how = |spec: &ConsumerSpec| match &spec.notify {
        NotifySpec::Http { url, .. } => format!("POST {url}"),
        NotifySpec::Exec { program } => format!("program {program}"),
        NotifySpec::Workload(workload) => format!("restart of {}", workload.name),
        NotifySpec::Unit(unit) => format!("{} of {}", by(unit), unit.name),
        NotifySpec::None { why } => format!("is not told: {why}"),
    };
    let all = in_order(definition).into_iter().enumerate();
    let lines: Vec<String> = all
        .map(|(index, (name, spec))| {
            let canary = if spec.canary { ", canary" } else { "" };
            format!("{}. {name}{canary}: {}", index + 1, how(spec))
        })
        .collect();
    match (lines.is_empty(), &definition.no_consumers) {
        (true, Some(why)) => vec![format!("nobody: {why}")],
        _ => lines,
    }
}

fn by(unit: &UnitSpec) -> &'static str {
    match unit.by {
        UnitBy::Restart => "restart",
        UnitBy::Reload => "reload",
    }
}

fn proofs(definition: &Definition) -> Vec<String> {
    let how = |spec: &ConsumerSpec| match &spec.verify {
        VerifySpec::Http { url, .. } => format!("handshake at {url}"),
        VerifySpec::Exec { program } => format!("program {program}"),
        VerifySpec::File { path, .. } => format!("file {path}"),
        VerifySpec::Sessions { application, from } => {
            let whose = [application, from].into_iter().flatten();
            let whose: Vec<&str> = whose.map(String::as_str).collect();
            format!("sessions {}", whose.join(" from "))
                .trim_end()
                .to_owned()
        }
        VerifySpec::Attest => "what it attests by itself".to_owned(),
        VerifySpec::Workload(workload) => format!("pods of {}", workload.name),
        VerifySpec::Unit(unit) => format!("{} of {}, by systemd", by(unit), unit.name),
        VerifySpec::None { why } => format!("only by `keywheel vouch`: {why}"),
    };
    let line = |(name, spec): (&String, &ConsumerSpec)| {
        let proof = spec.proof.unwrap_or(definition.timing.proof).word();
        format!("{name}: {} × {proof}, {}", spec.instances.max(1), how(spec))
    };
    in_order(definition).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::start;
    use crate::journal::overview::Coming;

    fn coming() -> Coming {
        Coming {
            id: "production/a".to_owned(),
            owner: "ml".to_owned(),
            manage: "auto".to_owned(),
            start_ms: Some(1_772_330_000_000),
            start_reason: "30d after the last rotation".to_owned(),
            first_ms: None,
            next_rotation_ms: None,
            paused_by: None,
            busy: false,
        }
    }

    #[test]
    fn the_reason_is_the_one_that_binds() {
        assert_eq!(start(&coming(), None).reason, "30d after the last rotation");
        let manual = Coming {
            start_ms: None,
            manage: "approve".to_owned(),
            ..coming()
        };
        assert!(
            start(&manual, None)
                .reason
                .contains("a person starts it (approve)")
        );
        let spread = Coming {
            first_ms: Some(1_772_330_000_000),
            start_reason: "spread over 14d by inventory apply".to_owned(),
            ..manual.clone()
        };
        let item = start(&spread, None);
        assert_eq!(
            item.reason,
            "a person starts it (approve); spread over 14d by inventory apply"
        );
        assert_eq!(item.first_at.as_deref(), Some("2026-03-01T01:53:20.000Z"));
        let paused = Coming {
            paused_by: Some("ana".to_owned()),
            ..coming()
        };
        assert!(start(&paused, None).reason.starts_with("paused by ana"));
    }
}
