//! Everything that is known about a rotation, read with one message.

use super::Turn;
use super::others;
use crate::inventory::Definition;
use crate::journal::requests::{self, Request};
use crate::journal::rotations::Run;
use crate::journal::secrets::{self, Pause};
use crate::journal::spares::{self, Spare};
use crate::journal::{Bundle, Part, Result, Told, Tx, ledger};
use crate::rotation::facts::{Effect, Evidence, Facts, KnownCredential, Probe, Waiver};
use keywheel_contract::ChosenBy;

/// Reads everything that is known about a rotation.
///
/// # Errors
/// The journal cannot be read.
pub async fn load(tx: &mut Tx, run: &Run, turn: &Turn) -> Result<Facts> {
    Ok(find(tx, run, turn).await?.facts)
}

/// What the journal says beside the row.
pub(super) struct Found {
    pub(super) facts: Facts,
    /// Also one that is over.
    pub(super) pause: Option<Pause>,
    /// The oldest that waits for the secret.
    pub(super) emergency: Option<Request>,
}

/// One message, one statement: whatever the planner decides on is true of one moment.
pub(super) async fn find(tx: &mut Tx, run: &Run, turn: &Turn) -> Result<Found> {
    let now_ms = tx.now_ms();
    let mut bundle = Bundle::default();
    let asked = Asked::about(run, turn, now_ms, &mut bundle);
    let told = tx.together(&bundle).await?;
    let pause = told.first(&asked.pause)?;
    Ok(Found {
        facts: Facts {
            paused_by: paused_by(pause.as_ref(), now_ms),
            ..asked.facts(&told, run, turn, now_ms)?
        },
        pause,
        emergency: told.first(&asked.emergencies)?,
    })
}

/// Everything that is asked.
struct Asked {
    today: Part<Definition>,
    pause: Part<Pause>,
    emergencies: Part<Request>,
    effects: Part<Effect>,
    probes: Part<Probe>,
    evidence: Part<Evidence>,
    waivers: Part<Waiver>,
    sealed: Part<String>,
    credentials: Part<KnownCredential>,
    spares: Option<Part<Spare>>,
    others: others::Asked,
}

impl Asked {
    fn about(run: &Run, turn: &Turn, now_ms: i64, bundle: &mut Bundle) -> Self {
        let (id, secret) = (run.id.as_str(), run.secret_id.as_str());
        Self {
            today: bundle.add(secrets::definition_of(secret)),
            pause: bundle.add(secrets::pause_of(secret)),
            emergencies: bundle.add(requests::emergencies(secret)),
            effects: bundle.add(ledger::effects_of(id)),
            probes: bundle.add(ledger::probes(id)),
            evidence: bundle.add(ledger::evidence(id)),
            waivers: bundle.add(ledger::waivers(secret, now_ms)),
            sealed: bundle.add(ledger::sealed_names(id)),
            credentials: bundle.add(ledger::known_credentials([
                &run.old_credential,
                &run.candidate,
            ])),
            spares: may_take_spare(run, turn).then(|| bundle.add(spares::ready(secret))),
            others: others::Asked::of(run, bundle),
        }
    }

    /// Without the pause.
    fn facts(&self, told: &Told, run: &Run, turn: &Turn, now_ms: i64) -> Result<Facts> {
        let known = told.all(&self.credentials)?;
        let find = |id: &Option<String>| {
            let mut known = known.iter();
            known.find(|one| Some(&one.id) == id.as_ref()).cloned()
        };
        let spares = self.spares.as_ref().map(|spares| told.all(spares));
        let spares = spares.transpose()?.unwrap_or_default();
        Ok(Facts {
            now_ms,
            id: run.id.clone(),
            phase: run.phase,
            mode: run.mode,
            cause: run.cause,
            wish: run.wish,
            accept_outage: run.accept_outage,
            phase_since_ms: run.phase_since_ms,
            retried_ms: run.retried_ms,
            published_ms: run.published_ms,
            proven_ms: run.proven_ms,
            refused_ms: run.refused_ms,
            leaked: run.leaked.clone(),
            plan: run.plan.clone(),
            today: told.first(&self.today)?.map(Into::into),
            can: turn.can.clone(),
            effects: told.all(&self.effects)?,
            probes: told.all(&self.probes)?,
            evidence: told.all(&self.evidence)?,
            waivers: told.all(&self.waivers)?,
            others: self.others.told(told)?,
            sealed: told.all(&self.sealed)?.into_iter().collect(),
            spares: spares.into_iter().map(|spare| spare.id).collect(),
            old: find(&run.old_credential),
            candidate: find(&run.candidate),
            paused_by: None,
            pace: turn.pace,
        })
    }
}

/// Only a rotation without a candidate could take one: where an outage was accepted, phases after minting come first.
fn may_take_spare(run: &Run, turn: &Turn) -> bool {
    let waits = run.candidate.is_none() && !run.phase.is_terminal();
    waits && turn.can.issuer.chosen_by == ChosenBy::Person
}

/// Who paused the secret, where the pause still stands.
pub(super) fn paused_by(pause: Option<&Pause>, now_ms: i64) -> Option<String> {
    pause
        .filter(|pause| pause.stands(now_ms))
        .map(|pause| pause.by.clone())
}
