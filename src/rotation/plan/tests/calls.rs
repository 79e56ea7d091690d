//! Carrying out an order in the imagined world, with its fault.

use super::script::Fault;
use super::world::{Call, Life, Made, OLD, Workload, World};
use crate::inventory::Destination;
use crate::rotation::facts::{Effect, Facts};
use crate::rotation::plan::{NewUse, Order, UseFigure, last_version};
use crate::rotation::report::{Answer, Inspected, NewCandidate, Settled};
use crate::rotation::words::{Kind, Status};
use keywheel_contract::{
    CredentialId, Error, ErrorKind, Find, Holding, LastUse, Observation, Session, VersionId,
};
use std::time::Duration;

/// Our own id of a credential.
pub(super) fn known(issuer_ref: &str) -> String {
    format!("#{issuer_ref}")
}

/// Carries out an order; `None` where the process died of it.
pub(super) fn carry_out(
    world: &mut World,
    facts: &Facts,
    order: &Order,
    fault: Fault,
) -> Option<Result<Answer, Error>> {
    match order {
        Order::Perform {
            kind,
            target,
            attempt,
        } => perform(world, &call(facts, *kind, target, *attempt), fault),
        _ if fault.kills() => None,
        _ if fault != Fault::None => Some(Err(Error::unavailable("not reachable"))),
        order => Some(look(world, facts, order)),
    }
}

/// An effect as a call that needs nothing else.
fn call(facts: &Facts, kind: Kind, target: &str, attempt: i64) -> Call {
    let intent = facts
        .effects
        .iter()
        .find(|e| e.kind == kind && e.target == target && e.attempt == attempt);
    let expected = intent
        .and_then(|effect| effect.result.base.clone())
        .and_then(|base| base.version);
    let candidate = facts.candidate_ref().unwrap_or_default().to_owned();
    let shows = facts
        .destinations()
        .find(|d| d.name() == target)
        .is_some_and(Destination::shows_previous);
    let versions = match kind {
        Kind::DestroyCandidateVersion => facts.candidate_versions(target),
        Kind::DisableVersion | Kind::EnableVersion | Kind::DestroyVersion => facts
            .base_version(target)
            .map(VersionId::new)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    Call {
        kind,
        target: target.to_owned(),
        attempt,
        base: expected.map(|version| version.as_str().to_owned()),
        versions: versions.iter().map(|v| v.as_str().to_owned()).collect(),
        credential: if kind == Kind::Republish {
            OLD.to_owned()
        } else {
            candidate
        },
        previous: (shows && kind == Kind::Publish && facts.old.is_some()).then(|| OLD.to_owned()),
    }
}

fn perform(world: &mut World, call: &Call, fault: Fault) -> Option<Result<Answer, Error>> {
    let now = world.now_ms;
    let answer = match fault {
        Fault::None => land(world, call),
        Fault::Approval if is_write(call.kind) => {
            world.approvals.push((call.clone(), None));
            Err(Error::new(
                ErrorKind::NeedsApproval {
                    url: "https://example.com".into(),
                },
                "waits for approval",
            ))
        }
        Fault::Conflict if is_write(call.kind) => Err(Error::conflict(None, "somebody was faster")),
        Fault::Unavailable | Fault::Conflict | Fault::Approval => {
            Err(Error::unavailable("not reachable"))
        }
        Fault::Throttled => {
            let after = Some(Duration::from_secs(5));
            Err(Error::new(ErrorKind::Throttled { after }, "too many calls"))
        }
        Fault::Denied => Err(Error::denied("not allowed")),
        Fault::Invalid => Err(Error::invalid("not valid")),
        Fault::NotFound => Err(Error::not_found("not there")),
        Fault::Lost => Err(Error::unknown_outcome("no answer")),
        Fault::Landed => {
            drop(land(world, call));
            Err(Error::unknown_outcome("no answer"))
        }
        Fault::Late(after) => {
            world.lands_at(now + after, call.clone());
            Err(Error::unknown_outcome("no answer"))
        }
        Fault::Died => return None,
        Fault::DiedLanded => {
            drop(land(world, call));
            return None;
        }
        Fault::DiedLate(after) => {
            world.lands_at(now + after, call.clone());
            return None;
        }
    };
    Some(answer)
}

fn is_write(kind: Kind) -> bool {
    matches!(kind, Kind::Publish | Kind::Republish | Kind::DropPrevious)
}

fn land(world: &mut World, call: &Call) -> Result<Answer, Error> {
    let made = world.land(call)?;
    Ok(match (call.kind, made) {
        (Kind::Mint, Some(name)) => Answer::Candidate(candidate(&name)),
        (_, version) => Answer::Done {
            version: version.map(VersionId::new),
            word: "applied",
            detail: String::new(),
        },
    })
}

pub(super) fn candidate(name: &str) -> NewCandidate {
    NewCandidate {
        issuer_ref: CredentialId::new(name),
        sealed: (crate::rotation::CANDIDATE.to_owned(), Vec::new()),
        fingerprint: String::new(),
    }
}

fn looked(yes: bool, otherwise: &'static str) -> Answer {
    Answer::Looked {
        result: if yes { "ok" } else { otherwise },
        detail: otherwise.to_owned(),
    }
}

fn look(world: &mut World, facts: &Facts, order: &Order) -> Result<Answer, Error> {
    let candidate_ref = facts.candidate_ref().unwrap_or_default();
    Ok(match order {
        Order::Inspect { destination } => Answer::Inspected(Inspected {
            version: world.places[destination].version().map(VersionId::new),
            ..Inspected::default()
        }),
        Order::Identify => Answer::Identified(Some(CredentialId::new(OLD))),
        Order::Propose => Answer::Candidate(candidate(&world.fresh_name())),
        Order::TakeSpare { spare } if world.is_alive(spare) => Answer::Candidate(candidate(spare)),
        Order::TakeSpare { .. } => looked(false, "dead"),
        Order::TestCandidate => {
            world.tried_ms = Some(world.now_ms);
            looked(
                !facts.can.issuer.tests || world.is_alive(candidate_ref),
                "dead",
            )
        }
        Order::TestOld => looked(world.is_alive(OLD), "dead"),
        Order::RefusedOld => looked(!world.is_alive(OLD), "alive"),
        Order::ReadBack { destination } => {
            let wrote = last_version(facts, destination);
            looked(
                world.places[destination].version() == wrote.as_deref(),
                "stale",
            )
        }
        Order::LastUse => last_use(world, facts),
        Order::RefusedUses => Answer::Looked {
            result: "ok",
            detail: serde_json::to_string(&world.strangers).unwrap(),
        },
        Order::NewUse => new_use(world, facts),
        Order::Observe { consumer } => return observe(world, facts, consumer),
        Order::Settle {
            kind,
            target,
            attempt,
        } => {
            let call = call(facts, *kind, target, *attempt);
            return Ok(Answer::Settled(settle(world, facts, &call)));
        }
        Order::Perform { .. } => return Err(Error::invalid("an effect is no reading")),
    })
}

/// Used as long as an instance holds it, told with a delay; whoever is logged in is seen at once.
fn last_use(world: &World, facts: &Facts) -> Answer {
    let mut instances = world
        .consumers
        .values()
        .flat_map(|workload| &workload.instances);
    let used = instances.any(|instance| instance.holds.as_deref() == Some(OLD));
    let as_of_ms = world.now_ms - LAG_MS;
    let mut figure = match facts.can.issuer.reports_last_use {
        true => UseFigure {
            at_ms: used.then_some(as_of_ms),
            granularity_ms: 60_000,
            watched_since_ms: None,
            ..UseFigure::complete_at(as_of_ms)
        },
        false => UseFigure::complete_at(world.now_ms),
    };
    if facts.can.issuer.sessions {
        let ours = used.then(|| "a consumer".to_owned());
        let from = world.strangers.iter().cloned().chain(ours);
        let session = |from: String| Session {
            id: from.clone(),
            from,
            address: None,
            application: None,
        };
        figure.also_by(from.map(session).collect(), facts);
    }
    Answer::Looked {
        result: "ok",
        detail: serde_json::to_string(&figure).unwrap(),
    }
}

/// How long a figure of last use is late, and its unit. The issuer's clock is ahead of ours.
pub(super) const LAG_MS: i64 = 300_000;
const UNIT_MS: i64 = 60_000;
const AHEAD_MS: i64 = 240_000;

/// Dated by an issuer that knows nobody by name: our own tries are uses too. Who is logged in is seen with his name.
fn new_use(world: &mut World, facts: &Facts) -> Answer {
    let taken = world.is_taken_up();
    let as_of_ms = world.now_ms - LAG_MS;
    let theirs = world
        .theirs_ms
        .filter(|(since_ms, _)| *since_ms <= as_of_ms)
        .map(|(_, until_ms)| until_ms.min(as_of_ms));
    let tried = world
        .tried_ms
        .filter(|at| facts.can.issuer.tests && *at <= as_of_ms);
    let at_ms = theirs
        .max(tried)
        .map(|at| (at + AHEAD_MS) / UNIT_MS * UNIT_MS);
    let last = facts.can.issuer.reports_last_use.then_some(LastUse {
        at_ms,
        as_of_ms,
        granularity: Duration::from_millis(60_000),
    });
    let session = |application: &str| Session {
        id: application.to_owned(),
        from: format!("10.0.0.9 ({application})"),
        address: None,
        application: Some(application.to_owned()),
    };
    let mut sessions = vec![session(Session::OURS)];
    sessions.extend(taken.then(|| session("a consumer")));
    sessions.retain(|_| facts.can.issuer.sessions);
    Answer::Looked {
        result: "ok",
        detail: serde_json::to_string(&NewUse::of(last, sessions, facts)).unwrap(),
    }
}

fn observe(world: &World, facts: &Facts, consumer: &str) -> Result<Answer, Error> {
    let answers = |workload: &&Workload| !workload.silent && !workload.gone;
    let Some(workload) = world.consumers.get(consumer).filter(answers) else {
        return Err(Error::unavailable("no answer"));
    };
    let Some(strength) = workload.strongest else {
        return Err(Error::invalid("it cannot be seen"));
    };
    let ours = [facts.old_ref(), facts.candidate_ref()];
    let candidate = facts.candidate_ref().unwrap_or(OLD);
    let answers = workload
        .instances
        .iter()
        .enumerate()
        .map(|(index, instance)| {
            let held = instance.holds.as_deref();
            let holding = match held {
                _ if world.flatters => Holding::Credential(CredentialId::new(known(candidate))),
                _ if workload.unclear => Holding::Unknown,
                Some(name) if name == OLD && facts.old.is_some() => {
                    Holding::Credential(CredentialId::new(known(OLD)))
                }
                Some(name) if ours.contains(&held) => {
                    Holding::Credential(CredentialId::new(known(name)))
                }
                _ => Holding::Other,
            };
            Observation {
                instance: index.to_string(),
                holding,
                strength,
                started_at_ms: None,
                seen_at_ms: None,
                detail: "seen".into(),
            }
        });
    Ok(Answer::Observed(answers.collect()))
}

/// What reading the outside system says of a call whose answer is missing.
fn settle(world: &World, facts: &Facts, call: &Call) -> Settled {
    let yes = |applied: bool| {
        if applied {
            Settled::Applied(None)
        } else {
            Settled::Absent
        }
    };
    let life = world.issuer.get(&call.target).map(|made| made.life);
    match call.kind {
        Kind::Mint if facts.can.issuer.find == Find::None => {
            Settled::Unknown("nobody knows".into())
        }
        Kind::Mint => minted(world, call.attempt, world.now_ms),
        Kind::Apply if facts.can.issuer.tests => yes(world.is_alive(&call.target)),
        Kind::Apply | Kind::ApplyBack | Kind::Activate => Settled::Resend,
        _ if call.kind.is_harmless() => Settled::Absent,
        Kind::DisableCredential
        | Kind::EnableCredential
        | Kind::Revoke
        | Kind::DestroyCandidate
            if !facts.can.issuer.tests =>
        {
            Settled::Resend
        }
        Kind::DisableCredential => yes(life != Some(Life::Active)),
        Kind::EnableCredential => yes(life == Some(Life::Active)),
        Kind::Revoke | Kind::RevokeOrphan | Kind::DestroyCandidate => yes(life == Some(Life::Dead)),
        Kind::Stage | Kind::Publish | Kind::Republish | Kind::DropPrevious => written(world, call),
        _ => version(world, call),
    }
}

/// What a list of that moment shows.
pub(super) fn minted(world: &World, attempt: i64, as_of_ms: i64) -> Settled {
    let shows = |made: &Made| made.life != Life::Dead && made.listed_ms <= as_of_ms;
    let found = world
        .issuer
        .iter()
        .filter(|(_, made)| made.tag == Some(attempt) && shows(made));
    let found: Vec<CredentialId> = found.map(|(name, _)| CredentialId::new(name)).collect();
    if found.is_empty() {
        Settled::Absent
    } else {
        Settled::Orphaned(found)
    }
}

fn written(world: &World, call: &Call) -> Settled {
    let waits = world.approvals.iter().any(|(waiting, decided)| {
        decided.is_none()
            && (waiting.kind, &waiting.target, waiting.attempt)
                == (call.kind, &call.target, call.attempt)
    });
    match world.places[&call.target].marked(call.kind, call.attempt) {
        Some(copy) => Settled::Applied(Some(VersionId::new(&copy.version))),
        None if waits => Settled::Pending {
            url: "https://example.com".to_owned(),
        },
        None => Settled::Absent,
    }
}

fn version(world: &World, call: &Call) -> Settled {
    let wanted = |version: &String| {
        let life = world.places[&call.target].copy(version).map(|c| c.life);
        match call.kind {
            Kind::EnableVersion => life == Some(Life::Active),
            Kind::DisableVersion => life != Some(Life::Active),
            _ => life.is_none_or(|life| life == Life::Dead),
        }
    };
    let as_wanted = call.versions.iter().all(wanted);
    let version = call.versions.last().map(VersionId::new);
    if as_wanted {
        Settled::Applied(version)
    } else {
        Settled::Resend
    }
}

/// Whether an effect is in doubt.
pub(super) fn in_doubt(effect: &Effect) -> bool {
    matches!(effect.status, Status::Intent | Status::Pending)
}
