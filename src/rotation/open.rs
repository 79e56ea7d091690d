//! From a request to a rotation.

use super::leaks;
use super::phase::Phase;
use super::plan::Waiting;
use super::words::{Cause, State, Wish};
use crate::inventory::Definition;
use crate::journal::audit::{self, Entry};
use crate::journal::requests::{self, Request};
use crate::journal::rotations::{self, Run};
use crate::journal::{Result, Tx, secrets};
use keywheel_contract::RotationId;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// A rotation of its own.
    Rotation(RotationId),
    /// One is under way already; it stands in for the request, or takes it over at its next safe point.
    UnderWay(RotationId),
    /// There is nothing to rotate, for this reason.
    Dropped(String),
}

/// Opens a rotation for a request, unless one is under way.
pub async fn open(tx: &mut Tx, request: &Request) -> Result<Opened> {
    if let Some(run) = rotations::exclusive(tx, &request.secret_id).await? {
        if request.cause != Cause::Emergency {
            requests::close(tx, &request.id, "dropped", run.id.as_str()).await?;
        }
        // Woken until it has taken the emergency over, not for as long as the request waits its turn.
        let takes_over = run.phase != Phase::Restoring;
        if takes_over && (run.cause != request.cause || !run.mode.is_at_least(request.mode)) {
            rotations::stir(tx, &[&request.secret_id]).await?;
        }
        return Ok(Opened::UnderWay(run.id));
    }
    let Some(definition) = secrets::definition(tx, &request.secret_id).await? else {
        requests::close(tx, &request.id, "dropped", "").await?;
        secrets::busy(tx, &request.secret_id, false).await?;
        return Ok(Opened::Dropped(format!(
            "{} is not in the inventory",
            request.secret_id
        )));
    };
    let id = RotationId::new(uuid::Uuid::now_v7().to_string());
    let mut run = new_run(tx, &id, request, definition).await?;
    let opened = Entry {
        actor: request.actor.clone(),
        action: "open".to_owned(),
        phase: Phase::Planned.word().to_owned(),
        outcome: request.cause.word().to_owned(),
        credential: run.old_credential.clone().unwrap_or_default(),
        detail: match request.reason.as_str() {
            "" => request.mode.word().to_owned(),
            reason => format!("{}: {reason}", request.mode.word()),
        },
        ..Entry::default()
    };
    let host = host_of(&run.plan);
    run.waiting = host
        .map(|host| awaits(host, run.created_ms))
        .into_iter()
        .collect();
    rotations::insert(tx, &run, host_of(&run.plan), priority(request.cause)).await?;
    audit::append(tx, &mut run, vec![opened]).await?;
    rotations::keep_audit_head(tx, &run).await?;
    secrets::busy(tx, &request.secret_id, true).await?;
    requests::close(tx, &request.id, "adopted", id.as_str()).await?;
    Ok(Opened::Rotation(id))
}

async fn new_run(tx: &mut Tx, id: &RotationId, request: &Request, plan: Definition) -> Result<Run> {
    let now = tx.now_ms();
    let old = leaks::in_use(tx, &plan).await?;
    let emergency = request.cause == Cause::Emergency;
    let leaked = match emergency {
        true => leaks::named(tx, &plan, &request.credential).await?,
        false => Vec::new(),
    };
    let is_out = old.is_none() || old.iter().any(|old| leaked.contains(old));
    Ok(Run {
        id: id.clone(),
        secret_id: request.secret_id.clone(),
        phase: Phase::Planned,
        state: State::Active,
        mode: request.mode,
        cause: request.cause,
        reason: request.reason.clone(),
        actor: request.actor.clone(),
        plan: plan.into(),
        exclusive: true,
        fence: 0,
        wake_ms: 0,
        wish: Wish::None,
        wish_actor: String::new(),
        accept_outage: request.accept_outage,
        leaked,
        old_credential: old,
        candidate: None,
        created_ms: now,
        phase_since_ms: now,
        retried_ms: 0,
        published_ms: None,
        proven_ms: None,
        ended_ms: None,
        reported_ms: (emergency && is_out).then_some(request.reported_ms),
        refused_ms: None,
        question: String::new(),
        waiting: Vec::new(),
        audit_n: 0,
        audit_head: String::new(),
    })
}

/// The machine that a plan is bound to. The inventory takes no entry whose issuer and stores name different ones.
fn host_of(plan: &Definition) -> Option<&str> {
    let stores = plan.destinations.iter().map(|one| &one.store.options);
    std::iter::once(&plan.issuer.options)
        .chain(stores)
        .find_map(|options| options.get("host")?.as_str())
}

/// Said until a replica there takes the first step.
fn awaits(host: &str, since_ms: i64) -> Waiting {
    Waiting {
        kind: "provider".to_owned(),
        name: format!("a replica on {host}"),
        since_ms,
        until_ms: None,
        next_command: format!("keywheel daemon   (on {host})"),
    }
}

/// Lower is sooner.
pub(super) fn priority(cause: Cause) -> i64 {
    match cause {
        Cause::Emergency => 1,
        Cause::Scheduled => 2,
        Cause::Manual => 3,
        Cause::Drift => 4,
    }
}
