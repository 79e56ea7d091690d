//! Definitions and runs for cases that need a row of each.

use super::bench::START_MS;
use keywheel::inventory::{Definition, IssuerSpec, Manage, Origin};
use keywheel::journal::rotations::{self, Claimant, Lease, Run, Standing};
use keywheel::journal::{Error, Journal, Result, Tx, secrets};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Cause, Mode, State, Wish};
use keywheel_contract::RotationId;
use std::collections::BTreeMap;

/// A lease lasts this long, milliseconds.
pub(super) const LEASE_MS: i64 = 30_000;

/// As a step that took the row first and goes on.
pub(super) const KEPT: Standing = Standing {
    keeps_ms: Some(LEASE_MS),
    read_at: None,
};

/// `production/NAME`: made by people, every 30 days, no consumers.
pub(super) fn definition(name: &str) -> Definition {
    let (_, preset) = keywheel_schedules::presets()[0];
    let mut timing: keywheel_schedules::Timing = toml::from_str(preset).unwrap();
    timing.jitter = keywheel_schedules::Span::default();
    Definition {
        id: format!("production/{name}").parse().unwrap(),
        owner: "ml".into(),
        impact: None,
        tags: vec!["example".into()],
        manage: Manage::Auto,
        issuer: IssuerSpec {
            name: "people".into(),
            kind: "manual".into(),
            options: serde_json::Map::new(),
            standby: 0,
        },
        in_place: None,
        no_consumers: Some("an example".into()),
        new_used: false,
        current_id: None,
        destinations: Vec::new(),
        consumers: BTreeMap::new(),
        schedule: "production".into(),
        timing,
        formerly: Vec::new(),
        origin: Origin {
            file: "inventory/production/ml.toml".into(),
            line: 1,
        },
    }
}

/// A rotation of `production/SECRET` that has just been opened.
pub(super) fn new_run(id: &str, secret: &str) -> Run {
    Run {
        id: RotationId::new(id),
        secret_id: format!("production/{secret}"),
        phase: Phase::Planned,
        state: State::Active,
        mode: Mode::Normal,
        cause: Cause::Manual,
        reason: "an example".into(),
        actor: "example".into(),
        plan: definition(secret).into(),
        exclusive: true,
        fence: 0,
        wake_ms: START_MS,
        wish: Wish::None,
        wish_actor: String::new(),
        accept_outage: false,
        leaked: Vec::new(),
        old_credential: None,
        candidate: None,
        created_ms: START_MS,
        phase_since_ms: START_MS,
        retried_ms: 0,
        published_ms: None,
        proven_ms: None,
        ended_ms: None,
        reported_ms: None,
        refused_ms: None,
        question: String::new(),
        waiting: Vec::new(),
        audit_n: 0,
        audit_head: String::new(),
    }
}

/// Adds the secret and an open rotation of it.
pub(super) async fn open_run(journal: &Journal, run: Run) {
    let added = journal.write(async move |tx| {
        secrets::apply(tx, std::slice::from_ref(&run.plan)).await?;
        rotations::insert(tx, &run, None, 0).await
    });
    added.await.unwrap();
}

/// One replica that serves everything, `limit` rotations at a time.
pub(super) fn claimant(holder: &str, limit: i64) -> Claimant {
    Claimant {
        holder: holder.into(),
        host: "example".into(),
        only: None,
        limit,
        lease_ms: LEASE_MS,
    }
}

/// Leases up to `limit` rotations.
pub(super) async fn claim(journal: &Journal, holder: &str, limit: i64) -> Vec<Lease> {
    let claimant = claimant(holder, limit);
    journal
        .write(async move |tx| rotations::claim(tx, &claimant).await)
        .await
        .unwrap()
}

/// Adds a rotation named `r1` of `production/api-key` and leases it.
pub(super) async fn leased(journal: &Journal, holder: &str) -> Lease {
    open_run(journal, new_run("r1", "api-key")).await;
    claim(journal, holder, 1).await.remove(0)
}

/// Holds a leased rotation for this transaction and reads it.
pub(super) async fn hold(tx: &mut Tx, lease: &Lease, lease_ms: i64) -> Result<Run> {
    rotations::hold(tx, lease, lease_ms).await?;
    rotations::by_id(tx, lease.id.as_str())
        .await?
        .ok_or(Error::Lost)
}
