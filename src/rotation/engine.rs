//! The engine: leases rotations, takes their steps, carries their orders out. It knows no other way to work on
//! a rotation, whoever asked for it and whatever happened before.

use super::crowd::{Crowd, Hangs, Work};
use super::decide::{self, Decision, Known, Turn};
use super::execute::Execution;
use super::facts::Pace;
use super::open::{self, Opened};
use super::phase::Phase;
use super::plan::{Order, Waiting};
use super::report::Report;
use super::values::{Kept, OpenError, OpenSpare, Values};
use super::words::{Cause, State, Wish};
use crate::inventory::Definition;
use crate::journal::requests::Request;
use crate::journal::rotations::{self, Claimant, Lease, Run};
use crate::journal::{self, Journal, audit, replicas, requests, secrets};
use crate::providers::Connect;
use crate::seal::KeyRing;
use crate::seam::{Seam, Seams, Window};
use futures_util::future::join_all;
use keywheel_contract::Error;
use std::sync::Arc;
use std::time::Instant;

/// Audit rows get their order in batches of at most this many.
const SEQUENCE_MAX: i64 = 1_000;
/// The sequencer's lease.
const SEQUENCER_MS: i64 = 10_000;
/// What a person said `retry` to goes first for so long.
const ASKED_MS: i64 = 60_000;
/// A rotation whose providers cannot be reached from here is looked at again after this.
const PROVIDER_MS: i64 = 30_000;

/// Works on rotations. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// The journal.
    pub journal: Journal,
    /// Finds outside systems.
    pub connect: Arc<dyn Connect>,
    /// Seals values.
    pub ring: Arc<KeyRing>,
    /// How long calls and waits last.
    pub pace: Pace,
    /// This replica's id.
    pub replica: String,
    /// This machine's name.
    pub host: String,
    /// Where tests let a worker die.
    pub seams: Seams,
    /// What hangs, as far as this process knows.
    pub crowd: Arc<Crowd>,
}

/// How work on one lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rested {
    /// Nothing to do before this moment.
    Until(i64),
    /// It is over.
    Ended(Phase),
    /// Somebody else has it now, or the worker died.
    Lost,
}

/// Why work stopped.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// Values could not be opened.
    #[error(transparent)]
    Values(#[from] OpenError),
}

impl Engine {
    /// Opens rotations for waiting requests and says how many it looked at.
    ///
    /// # Errors
    /// The journal.
    pub async fn open_requests(&self, limit: i64) -> Result<Vec<Opened>, journal::Error> {
        let waiting = self
            .journal
            .read(async move |tx| requests::queued(tx, limit).await)
            .await?;
        // Side by side: on SQLite they share a commit.
        let opened = join_all(waiting.into_iter().map(|request| self.open(request))).await;
        opened.into_iter().filter_map(Result::transpose).collect()
    }

    async fn open(&self, request: Request) -> Result<Option<Opened>, journal::Error> {
        if self.dies(&Seam::Claiming) {
            return Ok(None);
        }
        let one = self
            .journal
            .write(async move |tx| open::open(tx, &request).await)
            .await;
        self.dies(&Seam::Claimed);
        match one {
            Ok(one) => Ok(Some(one)),
            // Another replica opened one for the same secret at the same moment.
            Err(journal::Error::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Leases the most urgent rotations that are awake.
    ///
    /// # Errors
    /// The journal.
    pub async fn claim(
        &self,
        only: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Lease>, journal::Error> {
        let claimant = Claimant {
            holder: self.replica.clone(),
            host: self.host.clone(),
            only: only.map(str::to_owned),
            limit,
            lease_ms: self.pace.lease_ms,
        };
        let leases = self
            .journal
            .write(async move |tx| rotations::claim(tx, &claimant).await)
            .await?;
        if !leases.is_empty() && self.dies(&Seam::Leased) {
            return Ok(Vec::new());
        }
        Ok(leases)
    }

    /// Works on one leased rotation until it rests.
    ///
    /// # Errors
    /// The journal or the seal failed; nothing was applied by the step that failed.
    pub async fn work(&self, lease: Lease) -> Result<Rested, WorkError> {
        let taken = self.take_up(&lease).await?;
        let _work = match self.enter(&taken).await? {
            Ok(work) => work,
            Err(hangs) => return self.send_away(&lease, &taken, &hangs).await,
        };
        let (plan, today) = (&taken.plan, taken.today.as_ref());
        let outside = match self.connect.outside(plan, today).await {
            Ok(outside) => outside,
            Err(error) => return self.set_aside(&lease, &error).await,
        };
        let kept = taken.kept;
        let mut values = Values::unseal(&self.ring, &lease.id, kept).map_err(OpenError::from)?;
        let mut turn = Turn {
            lease,
            can: Arc::new(outside.capabilities()),
            pace: self.pace,
            report: Report::default(),
            seams: self.seams.clone(),
            known: None,
            is_stale: false,
        };
        loop {
            let asked_ms = self.journal.clock().now_ms();
            let (orders, known) = match self.step(&turn).await? {
                Stepped::Act(orders, known) => (orders, known),
                Stepped::Rested(rested) => return Ok(rested),
            };
            if turn.report.data_key.is_some() {
                values.new_key = None;
            }
            let spare = self.spare_in(&orders).await?;
            if self.is_late(asked_ms, &orders) {
                return Ok(Rested::Lost);
            }
            let execution = Execution {
                outside: &outside,
                facts: &known.facts,
                values: &values,
                spare: spare.as_ref(),
                fingerprint: self.ring.fingerprint(),
                seams: &self.seams,
                crowd: &self.crowd,
            };
            turn.report = execution.carry_out(&orders).await;
            turn.known = Some(known);
            if self.seams.is_dead() {
                return Ok(Rested::Lost);
            }
        }
    }

    /// Whether the deadline of a call is over before it is sent, as where this process was suspended since its intent was
    /// committed: it could land after another replica concluded that it never did. What is not sent is found absent.
    fn is_late(&self, asked_ms: i64, orders: &[Order]) -> bool {
        let sends = orders
            .iter()
            .any(|order| matches!(order, Order::Perform { .. }));
        sends && self.journal.clock().now_ms() > asked_ms + self.pace.call_ms
    }

    async fn spare_in(&self, orders: &[Order]) -> Result<Option<OpenSpare>, OpenError> {
        let spare = orders.iter().find_map(|order| match order {
            Order::TakeSpare { spare } => Some(spare),
            _ => None,
        });
        let Some(id) = spare else { return Ok(None) };
        match OpenSpare::open(&self.journal, &self.ring, id).await {
            // One that cannot be opened is one that cannot be taken; the others still can.
            Err(OpenError::Seal(error)) => {
                tracing::error!(spare = %id, %error, "a spare could not be opened");
                Ok(None)
            }
            opened => opened,
        }
    }

    async fn step(&self, turn: &Turn) -> Result<Stepped, WorkError> {
        let mut decided = self.decided(turn.clone()).await;
        if matches!(decided, Err(journal::Error::Stale)) {
            let is_stale = true;
            decided = self
                .decided(Turn {
                    is_stale,
                    ..turn.clone()
                })
                .await;
        }
        if self.seams.is_dead() {
            return Ok(Stepped::Rested(Rested::Lost));
        }
        let decision = match decided {
            Ok(decision) => decision,
            Err(journal::Error::Lost) => return Ok(Stepped::Rested(Rested::Lost)),
            Err(error) => return Err(error.into()),
        };
        let recorded = turn
            .report
            .outcomes
            .iter()
            .filter_map(|outcome| match &outcome.order {
                Order::Perform { kind, target, .. } => Some((*kind, target.clone())),
                _ => None,
            });
        for (kind, target) in recorded {
            if self.dies(&Seam::Effect {
                kind,
                target,
                window: Window::Recorded,
            }) {
                return Ok(Stepped::Rested(Rested::Lost));
            }
        }
        Ok(match decision {
            Decision::Act { orders, known } => Stepped::Act(orders, known),
            Decision::Rest { until_ms } => Stepped::Rested(Rested::Until(until_ms)),
            Decision::Ended(phase) => Stepped::Rested(Rested::Ended(phase)),
        })
    }

    async fn decided(&self, turn: Turn) -> Result<Decision, journal::Error> {
        self.journal
            .write(async move |tx| decide::decide(tx, &turn).await)
            .await
    }

    /// What has to be known before the first step of a lease.
    async fn take_up(&self, lease: &Lease) -> Result<TakenUp, journal::Error> {
        let id = lease.id.as_str().to_owned();
        self.journal
            .read(async move |tx| {
                let run = rotations::by_id(tx, &id).await?;
                let run = run.ok_or(journal::Error::Lost)?;
                Ok(TakenUp {
                    can_wait: can_wait(&run, tx.now_ms()),
                    is_blocked: run.state == State::Blocked,
                    today: secrets::definition(tx, &run.secret_id).await?,
                    plan: run.plan,
                    kept: Kept::read(tx, &id).await?,
                    secret_id: run.secret_id,
                })
            })
            .await
    }

    async fn enter(&self, taken: &TakenUp) -> Result<Result<Work<'_>, Hangs>, journal::Error> {
        let systems = taken.plan.systems();
        if taken.can_wait
            && let Err(hangs) = self.crowd.look(&systems, Instant::now())
            && !self.has_emergency(&taken.secret_id).await?
        {
            return Ok(Err(hangs));
        }
        Ok(Ok(self.crowd.enter(systems)))
    }

    /// Whether an emergency waits to take the rotation over, which is a step's to do.
    async fn has_emergency(&self, secret_id: &str) -> Result<bool, journal::Error> {
        let id = secret_id.to_owned();
        let waiting = self
            .journal
            .read(async move |tx| tx.all(requests::emergencies(&id)).await);
        Ok(!waiting.await?.is_empty())
    }

    /// A rotation whose systems cannot be spoken to from here waits for somebody to mend the configuration.
    async fn set_aside(&self, lease: &Lease, error: &Error) -> Result<Rested, WorkError> {
        let check = "keywheel check".to_owned();
        let waiting = ("provider", error.message.clone(), check);
        self.come_back(lease, PROVIDER_MS, Some(waiting)).await
    }

    /// One that would only wait beside others for a system that hangs comes back later. Where a person is asked, that
    /// question stands.
    async fn send_away(
        &self,
        lease: &Lease,
        taken: &TakenUp,
        hangs: &Hangs,
    ) -> Result<Rested, WorkError> {
        let name = format!("{} (no answer; others try it meanwhile)", hangs.system);
        let retry = format!("keywheel retry {}", taken.plan.id);
        let waiting = (!taken.is_blocked).then_some(("retry", name, retry));
        let after_ms = i64::try_from(hangs.after.as_millis()).unwrap_or(PROVIDER_MS);
        self.come_back(lease, after_ms, waiting).await
    }

    /// Gives the lease up for so long, and says for what, where anything is to be said: kind, name, what to type.
    async fn come_back(
        &self,
        lease: &Lease,
        after_ms: i64,
        waiting: Option<(&'static str, String, String)>,
    ) -> Result<Rested, WorkError> {
        let lease = lease.clone();
        let written = self
            .journal
            .write(async move |tx| {
                let now = tx.now_ms();
                let until_ms = now + after_ms;
                let waiting = waiting.clone().map(|(kind, name, next_command)| Waiting {
                    kind: kind.to_owned(),
                    name,
                    since_ms: now,
                    until_ms: Some(until_ms),
                    next_command,
                });
                rotations::set_aside(tx, &lease, until_ms, waiting.as_ref()).await?;
                Ok(until_ms)
            })
            .await;
        match written {
            Ok(until_ms) => Ok(Rested::Until(until_ms)),
            Err(journal::Error::Lost) => Ok(Rested::Lost),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives waiting audit rows their order, if this replica is the sequencer or can become it; says how many.
    ///
    /// # Errors
    /// The journal.
    pub async fn sequence(&self) -> Result<i64, journal::Error> {
        if self
            .journal
            .read(async |tx| audit::pending(tx).await)
            .await?
            == 0
            || self.dies(&Seam::Sequencing)
        {
            return Ok(0);
        }
        let holder = self.replica.clone();
        let placed = self
            .journal
            .write(async move |tx| {
                match replicas::take(tx, "sequencer", &holder, SEQUENCER_MS).await? {
                    true => audit::sequence(tx, SEQUENCE_MAX).await,
                    false => Ok(0),
                }
            })
            .await?;
        self.dies(&Seam::Sequenced);
        Ok(placed)
    }

    fn dies(&self, seam: &Seam) -> bool {
        self.seams.pass(seam).is_err()
    }
}

struct TakenUp {
    secret_id: String,
    /// Nobody is worse off where it is looked at later.
    can_wait: bool,
    /// A person is asked something.
    is_blocked: bool,
    plan: Arc<Definition>,
    today: Option<Definition>,
    kept: Kept,
}

/// Whether nothing of a rotation has been done yet, and nobody just asked for anything: from the first change on,
/// consumers may be watched, or locked out.
fn can_wait(run: &Run, now_ms: i64) -> bool {
    matches!(run.phase, Phase::Planned | Phase::Preflight)
        && run.cause != Cause::Emergency
        && run.wish == Wish::None
        && run.retried_ms + ASKED_MS < now_ms
}

enum Stepped {
    Act(Vec<Order>, Arc<Known>),
    Rested(Rested),
}
