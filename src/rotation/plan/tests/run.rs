//! One case: the engine's turns between everything else that happens, each step judged by the rules.

use super::calls::{carry_out, in_doubt};
use super::journal::{Journal, START_MS};
use super::rules::{self, Violation, broken};
use super::script::{Fault, Op};
use super::setting::{ConsumerSetting, Make, Setting};
use super::truths;
use super::world::{Life, Made, OLD, Workload, World};
use crate::rotation::facts::Facts;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Order, Step, can_turn_back, lost_mint};
use crate::rotation::report::Outcome;
use crate::rotation::words::{Cause, Kind, Mode, Wish};
use crate::rotation::{CANDIDATE, NEW_REVOKED, NEW_USED, OLD_REVOKED};
use keywheel_contract::Style;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What decides: the planner, or a wrong one.
pub(super) type Planner = fn(&Facts) -> Step;

const DAY_MS: i64 = 86_400_000;
/// As in `rotation::decide`.
const MOVES_MAX: usize = 40;
/// A planner that acts more often than this within one instant repeats itself.
const TURNS_AT_ONCE: usize = 60;
/// A rotation that is not over after so many quiet turns never ends.
const CALM_TURNS: usize = 800;

/// Which calls a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Effect(Kind),
    Propose,
}

impl Target {
    fn is_of(self, order: &Order) -> bool {
        match (self, order) {
            (Self::Effect(wanted), Order::Perform { kind, .. }) => wanted == *kind,
            (Self::Propose, Order::Propose) => true,
            _ => false,
        }
    }
}

pub(super) struct Run {
    pub(super) world: World,
    pub(super) journal: Journal,
    pub(super) planner: Planner,
    /// Intents are not committed: for a mutant.
    pub(super) forgetful: bool,
    /// Every call of this kind meets this fault.
    pub(super) strike: Option<(Target, Fault)>,
    /// The next call of a kind meets a fault.
    strikes: Vec<(Kind, Fault)>,
    /// Every phase it was in.
    pub(super) visited: BTreeSet<Phase>,
    make: Make,
    accepts: bool,
    wake_ms: i64,
    leak: Option<Mode>,
    /// A person asked for the way back while it was open.
    must_go_back: bool,
    question: String,
    /// Turns at this moment.
    at_once: (i64, usize),
    /// Shortest of waits in a row.
    naps: usize,
}

impl Run {
    pub(super) fn new(setting: &Setting, planner: Planner) -> Self {
        Self {
            world: World::new(setting, START_MS),
            journal: Journal::new(setting),
            planner,
            forgetful: false,
            strike: None,
            strikes: Vec::new(),
            visited: BTreeSet::from([Phase::Planned]),
            make: setting.make,
            accepts: setting.accepts,
            wake_ms: START_MS,
            leak: None,
            must_go_back: false,
            question: String::new(),
            at_once: (0, 0),
            naps: 0,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.journal.facts.phase
    }

    /// Everything that the script says.
    pub(super) fn play(&mut self, script: &[Op]) -> Result<(), Violation> {
        for op in script {
            if self.phase().is_terminal() {
                return Ok(());
            }
            match op {
                Op::Turn {
                    fault,
                    nth,
                    latency_ms,
                } => self.turn(*fault, *nth, *latency_ms)?,
                Op::Turns(count) => (0..*count).try_for_each(|_| self.turn(Fault::None, 0, 1))?,
                Op::Pass(ms) => self.pass(self.world.now_ms + ms)?,
                Op::Move {
                    consumer,
                    instance,
                    to,
                } => {
                    self.world
                        .shift(&Setting::consumer(*consumer), *instance, *to);
                }
                Op::Silence(consumer, silent) => {
                    self.workload(*consumer, |one| one.silent = *silent)
                }
                Op::Unclear(consumer, unclear) => {
                    self.workload(*consumer, |one| one.unclear = *unclear)
                }
                Op::Gone(consumer) => self.workload(*consumer, |one| one.gone = true),
                Op::Strike(kind, fault) => self.strikes.push((*kind, *fault)),
                word => self.typed(word)?,
            }
        }
        Ok(())
    }

    fn workload(&mut self, consumer: usize, change: impl FnOnce(&mut Workload)) {
        let name = Setting::consumer(consumer);
        self.world.consumers.entry(name).and_modify(change);
    }

    /// A person types, here or in the outside system.
    fn typed(&mut self, word: &Op) -> Result<(), Violation> {
        let facts = &mut self.journal.facts;
        match word {
            Op::Rollback => {
                facts.wish = Wish::Rollback;
                self.must_go_back = can_turn_back(facts).is_ok();
            }
            Op::Retry => {
                self.must_go_back &= facts.phase == Phase::Restoring;
                self.journal.retry();
            }
            Op::Reenable => {
                self.must_go_back &= facts.phase == Phase::Restoring;
                facts.wish = Wish::Reenable;
            }
            Op::Pause => facts.paused_by = Some("person".to_owned()),
            Op::Resume => facts.paused_by = None,
            Op::Vouch { consumer, for_ms } => {
                self.journal.vouch(&Setting::consumer(*consumer), *for_ms)
            }
            Op::Provide => self.provide(),
            Op::Decide(yes) => self.decide_approvals(*yes)?,
            Op::Emergency(mode) => self.leak = Some(*mode),
            Op::AddConsumer => self.add_consumer(),
            Op::Retire => facts.today = None,
            _ => {}
        }
        self.wake_ms = self.world.now_ms;
        Ok(())
    }

    /// Whether a person is waited for.
    pub(super) fn asks_for_a_value(&self) -> bool {
        let facts = &self.journal.facts;
        let asks = facts.phase == Phase::Minting && self.make == Make::Assisted;
        asks && !facts.sealed.contains(CANDIDATE)
    }

    fn provide(&mut self) {
        if self.asks_for_a_value() {
            let name = self.world.make_by_hand();
            self.journal.keep_candidate(&super::calls::candidate(&name));
        }
    }

    fn decide_approvals(&mut self, yes: bool) -> Result<(), Violation> {
        let open: Vec<usize> = (0..self.world.approvals.len())
            .filter(|index| self.world.approvals[*index].1.is_none())
            .collect();
        for index in open {
            self.world.approvals[index].1 = Some(yes);
            let call = self.world.approvals[index].0.clone();
            if yes && self.world.land(&call).is_ok() {
                truths::landed(&self.journal.facts, &call)?;
            }
        }
        truths::pointers(&self.journal.facts, &self.world)
    }

    fn add_consumer(&mut self) {
        let setting = ConsumerSetting::plain();
        let facts = &mut self.journal.facts;
        let Some(today) = &mut facts.today else {
            return;
        };
        if Arc::make_mut(today)
            .consumers
            .insert("added".to_owned(), setting.spec())
            .is_none()
        {
            Arc::make_mut(&mut facts.can)
                .consumers
                .insert("added".to_owned(), setting.capabilities());
            self.world.add_consumer("added", &setting);
        }
    }

    /// Time passes; what was sent before lands.
    fn pass(&mut self, until_ms: i64) -> Result<(), Violation> {
        while let Some(landed) = self.world.pass_one(until_ms) {
            if let Some(call) = landed {
                truths::landed(&self.journal.facts, &call)?;
                truths::pointers(&self.journal.facts, &self.world)?;
            }
        }
        self.journal.facts.now_ms = self.world.now_ms;
        self.world.is_taken_up();
        Ok(())
    }

    /// Sleeps until the engine wants to wake, then takes a step.
    pub(super) fn turn(
        &mut self,
        fault: Fault,
        nth: usize,
        latency_ms: i64,
    ) -> Result<(), Violation> {
        if self.phase().is_terminal() {
            return Ok(());
        }
        self.pass(self.wake_ms.max(self.world.now_ms))?;
        self.take_over();
        self.not_spinning()?;
        for _ in 0..MOVES_MAX {
            match (self.planner)(&self.journal.facts) {
                Step::Advance(event) => self.advance(event)?,
                Step::TurnBack { .. } => self.advance(crate::rotation::phase::Event::TurnBack)?,
                Step::Act(orders) => return self.act(&orders, fault, nth, latency_ms),
                Step::Wait { until_ms, .. } => return self.rest(until_ms, String::new()),
                Step::Block {
                    question, until_ms, ..
                } => {
                    rules::locked_out(&self.journal.facts, &question)?;
                    return self.rest(until_ms, question);
                }
            }
        }
        broken("circles", format!("in {}", self.phase()))
    }

    fn advance(&mut self, event: crate::rotation::phase::Event) -> Result<(), Violation> {
        let moved = self.journal.advance(event);
        self.visited.insert(self.phase());
        moved.or_else(|illegal| broken("moves", illegal.to_string()))
    }

    /// As `rotation::decide` does it: an emergency enters at this safe point.
    fn take_over(&mut self) {
        let facts = &mut self.journal.facts;
        let late = matches!(facts.phase, Phase::Revoking | Phase::Confirming)
            && facts.effects.iter().any(|effect| effect.kind.is_final());
        let Some(mode) = self
            .leak
            .filter(|_| !late && facts.phase != Phase::Restoring)
        else {
            return;
        };
        self.leak = None;
        self.must_go_back = false;
        facts.mode = if facts.mode == Mode::Contain {
            Mode::Contain
        } else {
            mode
        };
        facts.cause = Cause::Emergency;
        facts.accept_outage |= self.accepts;
        facts.leaked = facts.old.iter().map(|old| old.id.clone()).collect();
        facts.wish = Wish::None;
    }

    /// Within one instant only so much happens.
    fn not_spinning(&mut self) -> Result<(), Violation> {
        let now = self.world.now_ms;
        self.at_once = if self.at_once.0 == now {
            (now, self.at_once.1 + 1)
        } else {
            (now, 0)
        };
        match self.at_once.1 > TURNS_AT_ONCE || self.naps > 20 {
            true => broken("spin", format!("in {}", self.phase())),
            false => Ok(()),
        }
    }

    fn rest(&mut self, until_ms: i64, question: String) -> Result<(), Violation> {
        let nap_ms = until_ms.saturating_sub(self.world.now_ms);
        if self.phase().is_terminal() {
            return truths::ended(&self.journal.facts, &self.world, self.make);
        }
        if nap_ms <= 0 {
            return broken("spin", format!("waits for the past in {}", self.phase()));
        }
        truths::watched(&self.journal.facts, nap_ms)?;
        self.naps = if nap_ms < 100 { self.naps + 1 } else { 0 };
        self.question = question;
        self.wake_ms = until_ms;
        Ok(())
    }

    fn act(
        &mut self,
        orders: &[Order],
        fault: Fault,
        nth: usize,
        latency_ms: i64,
    ) -> Result<(), Violation> {
        rules::orders(&self.journal, &self.world, orders)?;
        if !self.forgetful {
            self.journal.intend(orders);
        }
        self.naps = 0;
        self.question.clear();
        let sent_ms = self.world.now_ms;
        let faulty = if orders.is_empty() {
            0
        } else {
            nth % orders.len()
        };
        let mut outcomes = Vec::new();
        let (mut died, mut longest) = (false, latency_ms);
        let call_ms = self.journal.facts.pace.call_ms;
        for (index, order) in orders.iter().enumerate() {
            let struck = self.struck(order);
            let fault = struck.unwrap_or(if index == faulty { fault } else { Fault::None });
            longest = longest.max(if fault.times_out() {
                call_ms
            } else {
                latency_ms
            });
            let before = self.world.ledger.len();
            let answer = carry_out(&mut self.world, &self.journal.facts, order, fault);
            for (_, call) in &self.world.ledger[before..] {
                truths::landed(&self.journal.facts, call)?;
            }
            truths::pointers(&self.journal.facts, &self.world)?;
            died |= answer.is_none();
            outcomes.extend(answer.map(|answer| Outcome {
                order: order.clone(),
                answer,
            }));
        }
        self.pass(sent_ms + longest)?;
        if !died {
            self.journal.record(&outcomes, sent_ms);
            truths::absent(&self.journal.facts)?;
        }
        self.wake_ms = self.world.now_ms;
        Ok(())
    }

    /// The fault that waits for this order.
    fn struck(&mut self, order: &Order) -> Option<Fault> {
        let is_of = |(kind, _): &(Kind, Fault)| Target::Effect(*kind).is_of(order);
        if let Some(index) = self.strikes.iter().position(is_of) {
            return Some(self.strikes.remove(index).1);
        }
        let (target, fault) = self.strike?;
        target.is_of(order).then_some(fault)
    }

    /// Faults stop, consumers cooperate, a person answers: the rotation ends.
    pub(super) fn calm(&mut self, latency_ms: i64) -> Result<(), Violation> {
        self.strikes.clear();
        self.calm_but_struck(latency_ms)
    }

    /// Whether every fault that waited for its call was met.
    pub(super) fn was_struck(&self) -> bool {
        self.strikes.is_empty()
    }

    /// The same, while one fault may still wait for its call.
    pub(super) fn calm_but_struck(&mut self, latency_ms: i64) -> Result<(), Violation> {
        self.leak = None;
        for _ in 0..CALM_TURNS {
            if self.phase().is_terminal() {
                return self.promised();
            }
            self.cooperate()?;
            self.turn(Fault::None, 0, latency_ms)?;
        }
        broken(
            "ends",
            format!(
                "still {}: {} {:?}",
                self.phase(),
                self.question,
                self.journal.facts.wish
            ),
        )
    }

    fn cooperate(&mut self) -> Result<(), Violation> {
        let names: Vec<String> = self.world.consumers.keys().cloned().collect();
        for name in names {
            self.world
                .consumers
                .entry(name.clone())
                .and_modify(|workload| (workload.silent, workload.unclear) = (false, false));
            self.world.reload(&name);
        }
        self.journal.facts.paused_by = None;
        self.decide_approvals(true)?;
        self.provide();
        for name in truths::hopeless(&self.journal.facts, &self.world) {
            self.journal.vouch(&name, DAY_MS);
        }
        self.answer();
        Ok(())
    }

    fn answer(&mut self) {
        let facts = &self.journal.facts;
        let ends_by_hand = facts.style() == Style::Assisted && !facts.can.issuer.revokes;
        let asked = self.question.contains("end the ");
        let new = facts.candidate_ref().unwrap_or_default().to_owned();
        let ended = match facts.phase {
            Phase::Confirming => Some((OLD.to_owned(), OLD_REVOKED)),
            Phase::Restoring if asked => Some((new, NEW_REVOKED)),
            _ => None,
        };
        if let Some((credential, subject)) = ended.filter(|_| ends_by_hand) {
            let dead = |made: &mut Made| made.life = Life::Dead;
            self.world.issuer.entry(credential).and_modify(dead);
            self.journal.vouch(subject, DAY_MS);
        }
        if self.question.contains("--new-used") {
            self.journal.vouch(NEW_USED, DAY_MS);
            self.wake_ms = self.world.now_ms;
        }
        if self.journal.facts.outage_not_accepted().is_some() {
            self.journal.facts.accept_outage = true;
            self.wake_ms = self.world.now_ms;
        }
        if let Some(lost) = lost_mint(&self.journal.facts).map(|lost| lost.attempt) {
            // A person looks until it must be shown.
            let truth = super::calls::minted(&self.world, lost, i64::MAX);
            self.journal.looked_up(&truth);
            self.wake_ms = self.world.now_ms;
        }
        let again = self.journal.facts.retried_ms < self.world.now_ms;
        let stuck =
            again && !self.question.is_empty() && !self.journal.facts.effects.iter().any(in_doubt);
        if stuck && self.journal.facts.wish != Wish::Rollback {
            self.journal.retry();
            self.wake_ms = self.world.now_ms;
        }
    }

    fn promised(&self) -> Result<(), Violation> {
        let facts = &self.journal.facts;
        let went_back = matches!(facts.phase, Phase::RolledBack | Phase::Cancelled);
        if self.must_go_back && !went_back {
            return broken(
                "rollback",
                format!("asked for, and it ended {}", facts.phase),
            );
        }
        if facts.any_intent(Kind::Revoke) && went_back {
            return broken("forward only", "ended back after the point of no return");
        }
        Ok(())
    }
}
