//! What a step rests on: read from the journal with the first step of a lease, carried on in memory by the
//! steps that follow, and read again when somebody else changed something, or before anything is ended.

use super::found::{find, paused_by};
use super::others::others;
use super::{Sitting, Turn};
use crate::journal::rotations::{self, Run};
use crate::journal::secrets::Pause;
use crate::journal::{Dialect, Error, Result, Tx};
use crate::rotation::facts::Facts;

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

impl Sitting {
    /// Knows what the step before knew, or takes the row and reads it.
    pub(super) async fn begin(tx: &mut Tx, turn: &Turn) -> Result<Self> {
        if let Some(known) = trusted(turn, tx.dialect()) {
            return Self::go_on(tx, turn, known, false).await;
        }
        let (lease, lease_ms) = (&turn.lease, turn.pace.lease_ms);
        let Some(known) = &turn.known else {
            let (touched, run) = rotations::hold_whole(tx, lease, lease_ms).await?;
            return Self::read(tx, turn, run, touched).await;
        };
        let touched = rotations::hold(tx, lease, lease_ms).await?;
        if known.touched == touched {
            return Self::go_on(tx, turn, known, true).await;
        }
        let run = row(tx, turn).await?;
        Self::read(tx, turn, run, touched).await
    }

    async fn go_on(tx: &mut Tx, turn: &Turn, known: &Known, is_held: bool) -> Result<Self> {
        let mut sitting = Self::resume(known, tx.now_ms());
        sitting.is_held = is_held;
        sitting.look_at_others(tx).await?;
        sitting.agrees(tx, turn).await?;
        Ok(sitting)
    }

    async fn read(tx: &mut Tx, turn: &Turn, run: Run, touched: i64) -> Result<Self> {
        let found = find(tx, &run, turn).await?;
        Ok(Self {
            run,
            facts: found.facts,
            pause: found.pause,
            emergency: found.emergency,
            touched,
            is_held: true,
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
            emergency: None,
            touched: known.touched,
            is_held: false,
            is_read: false,
            entries: Vec::new(),
            looked: Vec::new(),
        }
    }

    /// Takes the row, and reads everything again inside the transaction that is open.
    ///
    /// # Errors
    /// [`Error::Stale`]: the row is not as we know it.
    pub(super) async fn read_again(&mut self, tx: &mut Tx, turn: &Turn) -> Result<()> {
        if !self.is_held {
            let touched = rotations::hold(tx, &turn.lease, turn.pace.lease_ms).await?;
            if touched != self.touched {
                return Err(Error::Stale);
            }
            self.is_held = true;
        }
        self.keep_looked(tx).await?;
        let found = find(tx, &self.run, turn).await?;
        (self.facts, self.pause) = (found.facts, found.pause);
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
        // What was changed is found when the row is written back.
        if rotations::touched(tx, &turn.lease).await? != Some(self.touched) {
            return Ok(());
        }
        let run = row(tx, turn).await?;
        let truth = Self::read(tx, turn, run, self.touched).await?;
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

/// What a step may go on from without taking the row first. SQLite has one writer at a time, so that to look when the
/// row is written back is as good, and saves a message; PostgreSQL's row is locked for the length of the step.
pub(super) fn trusted(turn: &Turn, dialect: Dialect) -> Option<&Known> {
    match dialect {
        Dialect::Sqlite if !turn.is_stale => turn.known.as_deref(),
        Dialect::Sqlite | Dialect::Postgres => None,
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

async fn row(tx: &mut Tx, turn: &Turn) -> Result<Run> {
    let run = rotations::by_id(tx, turn.lease.id.as_str()).await?;
    run.ok_or(Error::Lost)
}
