//! What a step rests on: read from the journal with the first step of a lease, carried on in memory by the
//! steps that follow, and read again when somebody else changed something, or before anything is ended.

use super::others::others;
use super::{Sitting, Turn};
use crate::journal::rotations::{self, Run};
use crate::journal::{Error, Result, Tx, ledger, secrets, spares};
use crate::rotation::facts::Facts;
use keywheel_contract::ChosenBy;

/// What the holder of a lease knows after a step it committed. It is true for as long as the fence stands and
/// nobody raised the rotation's `touched` counter: nobody but the holder writes anything else of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The row.
    pub run: Run,
    /// What the planner was asked with.
    pub facts: Facts,
    pause: Option<Pause>,
    touched: i64,
}

/// Who paused the secret, and until when: a pause ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pause {
    by: String,
    until_ms: Option<i64>,
}

impl Pause {
    async fn read(tx: &mut Tx, secret_id: &str) -> Result<Option<Self>> {
        let secret = secrets::by_id(tx, secret_id).await?;
        Ok(secret.and_then(|secret| {
            let until_ms = secret.paused_until_ms;
            secret.paused_by.map(|by| Self { by, until_ms })
        }))
    }

    fn stands(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

impl Sitting {
    /// Holds the row, and knows what the step before knew, or reads it.
    pub(super) async fn begin(tx: &mut Tx, turn: &Turn) -> Result<Self> {
        let touched = rotations::hold(tx, &turn.lease, turn.pace.lease_ms).await?;
        match &turn.known {
            Some(known) if known.touched == touched => {
                let mut sitting = Self::resume(known, tx.now_ms());
                sitting.look_at_others(tx).await?;
                sitting.agrees(tx, turn).await?;
                Ok(sitting)
            }
            Some(_) | None => Self::read(tx, turn, touched).await,
        }
    }

    async fn read(tx: &mut Tx, turn: &Turn, touched: i64) -> Result<Self> {
        let run = rotations::by_id(tx, turn.lease.id.as_str())
            .await?
            .ok_or(Error::Lost)?;
        let pause = Pause::read(tx, &run.secret_id).await?;
        Ok(Self {
            facts: facts(tx, &run, turn, pause.as_ref()).await?,
            run,
            pause,
            touched,
            is_read: true,
            entries: Vec::new(),
            looked: Vec::new(),
        })
    }

    fn resume(known: &Known, now_ms: i64) -> Self {
        let mut facts = known.facts.clone();
        facts.now_ms = now_ms;
        facts.waivers.retain(|waiver| waiver.until_ms > now_ms);
        facts.paused_by = paused_by(known.pause.as_ref(), now_ms);
        Self {
            run: known.run.clone(),
            facts,
            pause: known.pause.clone(),
            touched: known.touched,
            is_read: false,
            entries: Vec::new(),
            looked: Vec::new(),
        }
    }

    /// Reads everything again, inside the transaction that is open. The row is held: it is as we know it.
    pub(super) async fn read_again(&mut self, tx: &mut Tx, turn: &Turn) -> Result<()> {
        self.keep_looked(tx).await?;
        self.pause = Pause::read(tx, &self.run.secret_id).await?;
        self.facts = facts(tx, &self.run, turn, self.pause.as_ref()).await?;
        self.is_read = true;
        Ok(())
    }

    /// Other rotations of the secret write without a word to this one: they are read by every step to which
    /// they matter.
    pub(super) async fn look_at_others(&mut self, tx: &mut Tx) -> Result<()> {
        self.facts.others = others(tx, &self.run).await?;
        Ok(())
    }

    /// Takes what this step changed in the row over into the facts.
    pub(super) fn follow_row(&mut self) {
        let (facts, run) = (&mut self.facts, &self.run);
        facts.phase = run.phase;
        facts.mode = run.mode;
        facts.cause = run.cause;
        facts.wish = run.wish;
        facts.accept_outage = run.accept_outage;
        facts.phase_since_ms = run.phase_since_ms;
        facts.retried_ms = run.retried_ms;
        facts.published_ms = run.published_ms;
        facts.proven_ms = run.proven_ms;
        facts.refused_ms = run.refused_ms;
        facts.leaked.clone_from(&run.leaked);
        if run.candidate.is_some() {
            facts.spares.clear();
        }
    }

    /// Debug builds, and so every test, compare what is remembered with the journal at each step.
    async fn agrees(&self, tx: &mut Tx, turn: &Turn) -> Result<()> {
        if !cfg!(debug_assertions) {
            return Ok(());
        }
        let truth = Self::read(tx, turn, self.touched).await?;
        let differs = if truth.run != self.run {
            format!("its row: {:?} instead of {:?}", self.run, truth.run)
        } else if let Some(what) = self.facts.differs_from(&truth.facts) {
            what.to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Refused(format!(
            "what is remembered of rotation {} is not what the journal says: {differs}; this is a fault of \
             keywheel, nothing was changed",
            self.run.id
        )))
    }
}

impl From<Sitting> for Known {
    fn from(sitting: Sitting) -> Self {
        Self {
            run: sitting.run,
            facts: sitting.facts,
            pause: sitting.pause,
            touched: sitting.touched,
        }
    }
}

/// Reads everything that is known about a rotation.
///
/// # Errors
/// The journal cannot be read.
pub async fn load(tx: &mut Tx, run: &Run, turn: &Turn) -> Result<Facts> {
    let pause = Pause::read(tx, &run.secret_id).await?;
    facts(tx, run, turn, pause.as_ref()).await
}

async fn facts(tx: &mut Tx, run: &Run, turn: &Turn, pause: Option<&Pause>) -> Result<Facts> {
    let id = run.id.as_str();
    let (old, candidate) = (run.old_credential.as_deref(), run.candidate.as_deref());
    let known = ledger::known_credentials(tx, &[old, candidate]).await?;
    let find = |id: Option<&str>| {
        known
            .iter()
            .find(|one| Some(one.id.as_str()) == id)
            .cloned()
    };
    let (old, candidate) = (find(old), find(candidate));
    Ok(Facts {
        now_ms: tx.now_ms(),
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
        today: secrets::definition(tx, &run.secret_id)
            .await?
            .map(Into::into),
        can: turn.can.clone(),
        effects: ledger::effects(tx, id).await?,
        probes: ledger::probes(tx, id).await?,
        evidence: ledger::evidence(tx, id).await?,
        waivers: ledger::waivers(tx, &run.secret_id).await?,
        others: others(tx, run).await?,
        sealed: ledger::sealed_names(tx, id).await?,
        spares: ready_spares(tx, run, turn).await?,
        old,
        candidate,
        paused_by: paused_by(pause, tx.now_ms()),
        pace: turn.pace,
    })
}

/// Only a rotation without a candidate could take one: where an outage was accepted, phases after minting come first.
async fn ready_spares(tx: &mut Tx, run: &Run, turn: &Turn) -> Result<Vec<String>> {
    let waits = run.candidate.is_none() && !run.phase.is_terminal();
    match turn.can.issuer.chosen_by {
        ChosenBy::Person if waits => {
            let ready = spares::ready(tx, &run.secret_id).await?;
            Ok(ready.into_iter().map(|spare| spare.id).collect())
        }
        _ => Ok(Vec::new()),
    }
}

fn paused_by(pause: Option<&Pause>, now_ms: i64) -> Option<String> {
    pause
        .filter(|pause| pause.stands(now_ms))
        .map(|pause| pause.by.clone())
}
