//! One step of a rotation as one transaction: record what the last calls brought, ask the planner, commit what
//! it decided. Intents and the evidence that allows them are therefore one commit, and nothing is sent before
//! it has returned.

mod advance;
mod evidence;
mod found;
mod known;
mod others;
mod question;
mod reading;
mod record;
mod spare;

pub use found::load;
pub use known::Known;

use super::NEW_USED;
use super::facts::{Capabilities, Effect, EffectResult, Facts, KnownCredential, Pace};
use super::gate;
use super::leaks;
use super::phase::{Event, Phase};
use super::plan::{self, Order, Step};
use super::report::Report;
use super::words::{Kind, Look, Mode, State, Status};
use crate::journal::audit::{self, Entry};
use crate::journal::requests::{self, Request};
use crate::journal::rotations::{self, Lease, Run, Standing};
use crate::journal::secrets::Pause;
use crate::journal::{Error, Result, Tx, ledger};
use crate::seam::{Seam, Seams, Window};
use aws_lc_rs::digest;
use keywheel_contract::{Base, RotationId, VersionId};
use std::sync::Arc;

/// What a step is given.
#[derive(Clone)]
pub struct Turn {
    /// Who acts.
    pub lease: Lease,
    /// What the outside systems can do.
    pub can: Arc<Capabilities>,
    /// How long calls and waits last.
    pub pace: Pace,
    /// What the calls since the last step brought.
    pub report: Report,
    /// Where tests let a worker die.
    pub seams: Seams,
    /// What the step before, under the same lease, knew when it was committed.
    pub known: Option<Arc<Known>>,
    /// Somebody may have changed what is known: the row is taken first.
    pub is_stale: bool,
}

/// What a step decided.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Carry these out, then take the next step. Their intents are committed.
    Act {
        /// The orders.
        orders: Vec<Order>,
        /// What they rest on, and where the next step goes on from.
        known: Arc<Known>,
    },
    /// Nothing to do before this moment; the lease is given up.
    Rest {
        /// Epoch milliseconds.
        until_ms: i64,
    },
    /// It is over; the lease is given up.
    Ended(Phase),
}

/// More moves than this in one step mean that the planner goes in circles.
const MOVES_MAX: usize = 40;

/// What the audit calls it that the issuer saw somebody use the new credential.
pub const NEW_USE: &str = "new_use";
/// How an intent says that it rests on that.
pub const USE_SEEN: &str = "seen by its issuer";

/// Takes one step.
///
/// # Errors
/// The lease was lost, or the journal failed, or it is [`Error::Stale`]; then nothing was applied and everything local is forgotten.
pub async fn decide(tx: &mut Tx, turn: &Turn) -> Result<Decision> {
    match step(tx, turn).await {
        // Somebody else's row may stand where one of this step was to go.
        Err(Error::Failed { .. }) if known::trusted(turn, tx.dialect()).is_some() => {
            Err(Error::Stale)
        }
        decided => decided,
    }
}

async fn step(tx: &mut Tx, turn: &Turn) -> Result<Decision> {
    let mut sitting = Sitting::begin(tx, turn).await?;
    sitting.record(tx, turn).await?;
    if sitting.is_read {
        sitting.take_over(tx).await?;
    }
    for _ in 0..MOVES_MAX {
        match plan::plan(&sitting.facts) {
            Step::Advance(event) => sitting.advance(tx, event, "").await?,
            Step::TurnBack { reason } => sitting.advance(tx, Event::TurnBack, &reason).await?,
            // Nothing is ended by what is remembered: the gate is asked again, on what this transaction reads.
            Step::Act(orders) if !sitting.is_read && orders.iter().any(ends_something) => {
                sitting.read_again(tx, turn).await?;
            }
            Step::Act(orders) => {
                sitting.commit_orders(tx, turn, &orders).await?;
                let known = Arc::new(sitting.close(tx, turn, false).await?);
                return Ok(Decision::Act { orders, known });
            }
            Step::Wait { until_ms, waiting } => {
                sitting.rest(State::Waiting, until_ms, waiting, String::new());
                return sitting.leave(tx, turn).await;
            }
            Step::Block {
                question,
                next_command,
                until_ms,
            } => {
                let person = sitting.ask(tx, &question, &next_command).await?;
                let question = format!("{question}\n{next_command}");
                sitting.rest(State::Blocked, until_ms, vec![person], question);
                return sitting.leave(tx, turn).await;
            }
        }
    }
    Err(crate::journal::Error::Refused(format!(
        "rotation {} moves in circles in phase {}: this is a fault of keywheel, nothing was changed",
        sitting.run.id, sitting.run.phase
    )))
}

/// Whether an order ends a credential or a version of one.
fn ends_something(order: &Order) -> bool {
    matches!(order, Order::Perform { kind, .. } if kind.ends_old() || kind.ends_candidate())
}

/// One step while its transaction is open.
struct Sitting {
    run: Run,
    facts: Facts,
    pause: Option<Pause>,
    /// The emergency that waited for the secret when everything was read at the start of this step.
    emergency: Option<Request>,
    touched: i64,
    /// Whether this transaction took the row first.
    is_held: bool,
    /// Whether everything was read in this transaction.
    is_read: bool,
    /// Audit rows of this step.
    entries: Vec<Entry>,
    /// Readings of this step, written with one statement.
    looked: Vec<(Look, String)>,
}

impl Sitting {
    fn note(&mut self, action: &str, outcome: &str) -> &mut Entry {
        self.entries.push(Entry {
            actor: "engine".to_owned(),
            action: action.to_owned(),
            phase: self.run.phase.word().to_owned(),
            outcome: outcome.to_owned(),
            ..Entry::default()
        });
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }

    /// An emergency that arrived meanwhile takes the run over at this safe point.
    async fn take_over(&mut self, tx: &mut Tx) -> Result<()> {
        // A run on its way back ends on the very credential that leaked: the emergency waits for a run of its own.
        if !self.run.exclusive || self.run.phase == Phase::Restoring {
            return Ok(());
        }
        let Some(request) = self.emergency.take() else {
            return Ok(());
        };
        let leaked = leaks::named(tx, &self.run.plan, &request.credential).await?;
        let follows = leaks::needs_another(&self.run, &leaked);
        if follows && self.is_past_return() {
            // The duty to end the old credential lies on its row; the emergency gets a rotation of its own.
            self.run.exclusive = false;
            return Ok(());
        }
        let answers =
            (request.accept_outage || request.mode != Mode::Contain) && self.asks_about_an_outage();
        let taken = self.run.cause == request.cause
            && self.run.mode.is_at_least(request.mode)
            && !answers
            && leaked.iter().all(|id| self.run.leaked.contains(id));
        if !taken {
            self.hurry(&request, leaked, answers, tx.now_ms());
            self.follow_row();
            rotations::rank(tx, &self.run.id, super::open::priority(request.cause)).await?;
        }
        if !follows {
            requests::close(tx, &request.id, "adopted", self.run.id.as_str()).await?;
        }
        Ok(())
    }

    /// Whether `contain` was asked for without accepting the outage that it means here.
    fn asks_about_an_outage(&self) -> bool {
        let asks = self.run.mode == Mode::Contain && !self.run.accept_outage;
        asks && plan::long_outage(&self.facts.can.issuer, self.facts.has_next()).is_some()
    }

    /// The run goes on in the emergency's mode; where it only asks about an outage, the new request is the answer.
    fn hurry(&mut self, request: &Request, leaked: Vec<String>, answers: bool, now_ms: i64) {
        self.run.mode = if self.run.mode.is_at_least(request.mode) && !answers {
            self.run.mode
        } else {
            request.mode
        };
        self.run.cause = request.cause;
        self.run.accept_outage |= request.accept_outage;
        self.run.wish = super::words::Wish::None;
        // As after `retry`: what was given up is tried at once, for the exposure counts.
        self.run.retried_ms = now_ms;
        let old = self.run.old_credential.as_ref();
        if old.is_some_and(|old| leaked.contains(old)) {
            self.run.reported_ms.get_or_insert(request.reported_ms);
        }
        let known = &mut self.run.leaked;
        known.extend(
            leaked
                .into_iter()
                .filter(|id| !known.contains(id))
                .collect::<Vec<_>>(),
        );
        let note = self.note("takeover", request.mode.word());
        note.actor.clone_from(&request.actor);
        note.detail.clone_from(&request.reason);
    }

    fn is_past_return(&self) -> bool {
        let late = matches!(self.run.phase, Phase::Revoking | Phase::Confirming);
        late && self
            .facts
            .effects
            .iter()
            .any(|effect| effect.kind.is_final())
    }

    /// Commits the intents among the orders.
    async fn commit_orders(&mut self, tx: &mut Tx, turn: &Turn, orders: &[Order]) -> Result<()> {
        let now = tx.now_ms();
        let mut intents = Vec::new();
        for order in orders {
            let Order::Perform {
                kind,
                target,
                attempt,
            } = order
            else {
                continue;
            };
            let effect = Effect {
                kind: *kind,
                target: target.clone(),
                attempt: *attempt,
                token: token(&self.run.id, *kind, target, *attempt),
                created_ms: now,
                deadline_ms: now + turn.pace.call_ms,
                status: Status::Intent,
                retry_ms: 0,
                settled_ms: None,
                word: String::new(),
                result: EffectResult {
                    base: expected(&self.facts, *kind, target),
                    ..EffectResult::default()
                },
            };
            let seam = Seam::Effect {
                kind: *kind,
                target: target.clone(),
                window: Window::Planned,
            };
            turn.seams.pass(&seam).map_err(|_| Error::Lost)?;
            self.intent_entry(&effect);
            self.before_intent(tx, &effect).await?;
            intents.push(effect);
        }
        ledger::begin_effects(tx, self.run.id.as_str(), turn.lease.fence, &intents).await?;
        self.facts.effects.extend(intents);
        self.run.state = State::Active;
        Ok(())
    }

    fn intent_entry(&mut self, effect: &Effect) {
        let facts = &self.facts;
        let about_candidate = !effect.kind.ends_old();
        let credential = if about_candidate {
            &facts.candidate
        } else {
            &facts.old
        };
        let credential = credential
            .as_ref()
            .map(|known| known.id.clone())
            .unwrap_or_default();
        let evidence = match effect.kind.ends_old() {
            true => relied_on(facts, facts.candidate.as_ref()) + &new_use(facts),
            false if effect.kind.ends_candidate() && facts.any_applied(Kind::Publish) => {
                relied_on(facts, facts.old.as_ref())
            }
            false => String::new(),
        };
        let note = self.note(effect.kind.word(), "intent");
        note.credential = credential;
        note.destination.clone_from(&effect.target);
        note.evidence = evidence;
        note.detail = format!("try {}", effect.attempt);
    }

    /// From the first final intent on, the duty to end the old credential lies on its row, and a new rotation
    /// of the secret may start.
    async fn before_intent(&mut self, tx: &mut Tx, effect: &Effect) -> Result<()> {
        let past_return = effect.kind.is_final() && self.run.phase == Phase::Revoking;
        if !past_return || !self.run.exclusive {
            return Ok(());
        }
        if let Some(old) = &self.facts.old {
            ledger::credential_state(tx, &old.id, "retiring").await?;
        }
        Ok(())
    }

    fn rest(&mut self, state: State, until_ms: i64, waiting: Vec<plan::Waiting>, question: String) {
        self.run.state = if self.run.phase.is_terminal() {
            State::Ended
        } else {
            state
        };
        self.run.wake_ms = until_ms;
        self.run.waiting = waiting;
        self.run.question = question;
    }

    /// Ends the step and gives the lease up.
    async fn leave(self, tx: &mut Tx, turn: &Turn) -> Result<Decision> {
        let run = self.close(tx, turn, true).await?.run;
        Ok(match run.phase.is_terminal() {
            true => Decision::Ended(run.phase),
            false => Decision::Rest {
                until_ms: run.wake_ms,
            },
        })
    }

    /// Writes what is not written yet.
    async fn close(mut self, tx: &mut Tx, turn: &Turn, release: bool) -> Result<Known> {
        self.keep_looked(tx).await?;
        let entries = std::mem::take(&mut self.entries);
        audit::append(tx, &mut self.run, entries).await?;
        let standing = Standing {
            keeps_ms: (!release).then_some(turn.pace.lease_ms),
            read_at: (!self.is_held).then_some(self.touched),
        };
        rotations::save(tx, &turn.lease, &self.run, standing).await?;
        Ok(self.into())
    }
}

/// The idempotency token of one try: unique, and the same after a crash.
pub fn token(rotation: &RotationId, kind: Kind, target: &str, attempt: i64) -> String {
    let text = format!(
        "keywheel/token/v1\n{rotation}\n{}\n{target}\n{attempt}",
        kind.word()
    );
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The version that a write expects to find.
fn expected(facts: &Facts, kind: Kind, destination: &str) -> Option<Base> {
    let version = match kind {
        Kind::Stage | Kind::Publish => facts.base_version(destination).map(str::to_owned),
        Kind::Republish | Kind::DropPrevious => plan::last_version(facts, destination),
        _ => return None,
    };
    Some(Base {
        version: version.map(VersionId::new),
        token: None,
    })
}

/// That somebody was seen to use the new credential, where it was: another part of what an end of the old one rests on.
fn new_use(facts: &Facts) -> String {
    match !facts.is_contained() && plan::seen_in_use(facts).is_some() {
        true => format!("; {NEW_USED}: {USE_SEEN}"),
        false => String::new(),
    }
}

/// The proofs, or the waivers, that an intent to end something rests on.
fn relied_on(facts: &Facts, credential: Option<&KnownCredential>) -> String {
    if facts.is_contained() {
        return "contain: the outage was accepted".to_owned();
    }
    let credential = credential.map_or("", |credential| credential.id.as_str());
    let mut parts: Vec<String> = gate::required(facts)
        .iter()
        .map(|required| {
            let instances: Vec<&str> = facts
                .evidence
                .iter()
                .filter(|e| e.consumer == required.name && e.holding == credential)
                .map(|e| e.instance.as_str())
                .collect();
            format!("{}: {}", required.name, instances.join(" "))
        })
        .collect();
    for waiver in facts
        .waivers
        .iter()
        .filter(|waiver| waiver.until_ms > facts.now_ms)
    {
        parts.push(format!("{}: waived by {}", waiver.subject, waiver.actor));
    }
    if parts.is_empty() {
        parts.push(
            facts
                .plan
                .no_consumers
                .clone()
                .map_or_else(String::new, |why| format!("no consumers: {why}")),
        );
    }
    parts.join("; ")
}
