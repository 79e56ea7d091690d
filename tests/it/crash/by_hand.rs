//! The engine's loop, turned by hand: for tests that do something between an answer and its commit.

use keywheel::inventory::Definition;
use keywheel::journal::{Error, Journal};
use keywheel::providers::Outside;
use keywheel::rotation::decide::{Decision, Known, Turn, decide};
use keywheel::rotation::engine::Engine;
use keywheel::rotation::execute::Execution;
use keywheel::rotation::plan::Order;
use keywheel::rotation::report::Report;
use keywheel::rotation::values::Values;

/// One rotation under one lease.
pub(super) struct ByHand<'e> {
    engine: &'e Engine,
    outside: Outside,
    values: Values,
    pub turn: Turn,
}

impl<'e> ByHand<'e> {
    /// Opens what was asked for and leases it.
    pub(super) async fn begin(engine: &'e Engine) -> Self {
        engine.open_requests(1).await.unwrap();
        let lease = engine.claim(None, 1).await.unwrap().remove(0);
        let plan = plan_of(&engine.journal, lease.id.as_str()).await;
        let outside = engine.connect.outside(&plan, None).await.unwrap();
        let values = Values::open(&engine.journal, &engine.ring, &lease.id)
            .await
            .unwrap();
        let turn = Turn {
            lease,
            can: outside.capabilities().into(),
            pace: engine.pace,
            report: Report::default(),
            seams: engine.seams.clone(),
            known: None,
            is_stale: false,
        };
        Self {
            engine,
            outside,
            values,
            turn,
        }
    }

    /// Takes a step, and runs a statement in the same transaction.
    pub(super) async fn decide(&mut self, statement: &'static str) -> Result<Decision, Error> {
        let step = self.turn.clone();
        let decided = self.engine.journal.write(async move |tx| {
            let decision = decide(tx, &step).await?;
            if !statement.is_empty() {
                tx.run(statement, &[]).await?;
            }
            Ok(decision)
        });
        let decided = decided.await?;
        if self.turn.report.data_key.is_some() {
            self.values.new_key = None;
        }
        Ok(decided)
    }

    /// Calls out.
    pub(super) async fn carry_out(&mut self, orders: &[Order], known: &Known) {
        let execution = Execution {
            spare: None,
            outside: &self.outside,
            facts: &known.facts,
            values: &self.values,
            fingerprint: self.engine.ring.fingerprint(),
            seams: &self.engine.seams,
            crowd: &self.engine.crowd,
        };
        self.turn.report = execution.carry_out(orders).await;
    }
}

async fn plan_of(journal: &Journal, id: &str) -> Definition {
    let id = id.to_owned();
    let read = journal.read(async move |tx| {
        let run = keywheel::journal::rotations::by_id(tx, &id).await?;
        run.ok_or(Error::Lost)
    });
    read.await.unwrap().plan.as_ref().clone()
}
