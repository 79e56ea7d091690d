//! Carrying out orders: thin, bounded by a deadline, without a transaction open. Every effect passes through
//! one function, so that every place where a process can die around one is known.

mod effects;
mod ends;
mod looks;
mod settle;

pub use ends::ends;

use super::crowd::Crowd;
use super::facts::Facts;
use super::plan::Order;
use super::report::{Answer, Outcome, Report};
use super::values::{OpenSpare, Values};
use super::words::{Kind, Side};
use crate::providers::Outside;
use crate::seam::{Seam, Seams, Window};
use futures_util::future::join_all;
use keywheel_contract::{Error, FingerprintKey, Mark, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What calls are made with.
pub struct Execution<'a> {
    /// The outside systems.
    pub outside: &'a Outside,
    /// What was known when the orders were given.
    pub facts: &'a Facts,
    /// The rotation's values.
    pub values: &'a Values,
    /// The spare that is to be taken, opened.
    pub spare: Option<&'a OpenSpare>,
    /// The key of all fingerprints.
    pub fingerprint: &'a Arc<FingerprintKey>,
    /// Where tests let a process die.
    pub seams: &'a Seams,
    /// What hangs, as far as this process knows.
    pub crowd: &'a Crowd,
}

impl Execution<'_> {
    /// Carries out every order side by side.
    pub async fn carry_out(&self, orders: &[Order]) -> Report {
        let outcomes = join_all(orders.iter().map(|order| async {
            Outcome {
                order: order.clone(),
                answer: self.bounded(order).await,
            }
        }))
        .await;
        Report {
            outcomes,
            data_key: self.values.new_key.clone(),
        }
    }

    /// A call that does not answer in time has an outcome nobody knows.
    async fn bounded(&self, order: &Order) -> Result<Answer> {
        let limit = u64::try_from(self.facts.pace.call_ms).unwrap_or(0);
        let system = self.system(order);
        let call = system.map(|system| self.crowd.call(system, Instant::now()));
        let answer = match tokio::time::timeout(Duration::from_millis(limit), self.one(order)).await
        {
            Ok(answer) => answer,
            Err(_) => Err(match order {
                Order::Perform { .. } => {
                    Error::unknown_outcome(format!("no answer within {limit} ms"))
                }
                _ => Error::unavailable(format!("no answer within {limit} ms")),
            }),
        };
        if let Some(call) = call {
            call.end(&answer, Instant::now());
        }
        answer
    }

    /// The system that an order calls; consumers are none of a plan's.
    fn system(&self, order: &Order) -> Option<String> {
        let store = |name: &str| Some(self.target(name).ok()?.spec.system());
        let issuer = || Some(self.facts.plan.issuer.system());
        match order {
            Order::Observe { .. } => None,
            Order::Inspect { destination } | Order::ReadBack { destination } => store(destination),
            Order::Perform { kind, target, .. } | Order::Settle { kind, target, .. } => {
                match kind.side() {
                    Side::Issuer => issuer(),
                    Side::Store => store(target),
                    Side::Consumer => None,
                }
            }
            _ => issuer(),
        }
    }

    async fn one(&self, order: &Order) -> Result<Answer> {
        match order {
            Order::Perform {
                kind,
                target,
                attempt,
            } => self.guarded(*kind, target, *attempt).await,
            Order::Settle {
                kind,
                target,
                attempt,
            } => self.settle(*kind, target, *attempt).await,
            Order::Inspect { destination } => self.inspect(destination).await,
            Order::Identify => self.identify().await,
            Order::Propose => self.propose().await,
            Order::TakeSpare { spare } => self.take_spare(spare).await,
            Order::TestCandidate => self.test_candidate().await,
            Order::TestOld => self.test_old().await,
            Order::RefusedOld => self.refused_old().await,
            Order::ReadBack { destination } => self.read_back(destination).await,
            Order::Observe { consumer } => self.observe(consumer).await,
            Order::LastUse => self.last_use().await,
            Order::RefusedUses => self.refused_uses().await,
            Order::NewUse => self.new_use().await,
        }
    }

    /// The one way through which every effect goes.
    async fn guarded(&self, kind: Kind, target: &str, attempt: i64) -> Result<Answer> {
        let seam = |window| Seam::Effect {
            kind,
            target: target.to_owned(),
            window,
        };
        self.seams.pass(&seam(Window::Intended))?;
        let answer = self.perform(kind, target, attempt).await;
        self.seams.pass(&seam(Window::Applied))?;
        self.seams.pass(&seam(Window::Answered))?;
        answer
    }

    /// The mark of one try. What was staged becomes current under the mark that it was staged under, so that the
    /// store knows it again.
    fn mark(&self, kind: Kind, target: &str, attempt: i64) -> Mark {
        let staged = match kind {
            Kind::Publish => self.facts.applied(Kind::Stage, target),
            _ => None,
        };
        let (kind, attempt) = staged.map_or((kind, attempt), |e| (e.kind, e.attempt));
        Mark {
            rotation: self.facts.id.clone(),
            token: super::decide::token(&self.facts.id, kind, target, attempt),
        }
    }
}
