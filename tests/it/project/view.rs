//! What the journal says, and waiting until it says something.

use super::{PATIENCE, Project};
use keywheel::clock::SystemClock;
use keywheel::journal::audit::{self, AuditRow, Filter};
use keywheel::journal::rotations::{self, Run};
use keywheel::journal::{Address, Journal, Tx, ledger, secrets};
use keywheel::rotation::facts::Effect;
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Kind, State};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Project {
    /// The journal, as a second process sees it.
    pub(crate) async fn journal(&self) -> Journal {
        let mut kept = self.journal.lock().await;
        if let Some(journal) = &*kept {
            return journal.clone();
        }
        let address = Address::Sqlite(self.path("keywheel.db"));
        let journal = Journal::open(address, Arc::new(SystemClock)).await.unwrap();
        *kept = Some(journal.clone());
        journal
    }

    /// Gives the journal's handle up, with no daemon running: the last one out empties the log into the file.
    pub(crate) async fn close(&self) {
        self.journal.lock().await.take();
        let end = Instant::now() + PATIENCE;
        while self.path("keywheel.db-wal").exists() {
            assert!(Instant::now() < end, "somebody else has the journal open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The newest rotation of a secret.
    pub(crate) async fn newest(&self, id: &str) -> Option<Run> {
        let id = id.to_owned();
        let journal = self.journal().await;
        let read = journal.read(async move |tx| rotations::newest(tx, &id, 1).await);
        read.await.unwrap().pop()
    }

    /// Waits until the newest rotation of a secret is as wished, and answers with it.
    pub(crate) async fn until(&self, id: &str, what: &str, wished: impl Fn(&Run) -> bool) -> Run {
        self.until_within(PATIENCE, (id, what), wished).await
    }

    /// The same with a patience of its own.
    pub(crate) async fn until_within(
        &self,
        patience: Duration,
        (id, what): (&str, &str),
        wished: impl Fn(&Run) -> bool,
    ) -> Run {
        let end = Instant::now() + patience;
        loop {
            let run = self.newest(id).await;
            if let Some(run) = &run
                && wished(run)
            {
                return run.clone();
            }
            if Instant::now() > end {
                let seen = run.map(|run| (run.phase, run.state, run.question, run.waiting));
                panic!(
                    "{id} did not come to: {what}; it is {seen:#?}\n{}",
                    self.told(id).await
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it is in a phase.
    pub(crate) async fn until_phase(&self, id: &str, phase: Phase) -> Run {
        self.until(id, phase.word(), |run| run.phase == phase).await
    }

    /// Waits until it is blocked and answers with its question.
    pub(crate) async fn until_blocked(&self, id: &str) -> Run {
        self.until(id, "blocked", |run| run.state == State::Blocked)
            .await
    }

    /// Waits until it waits with words among what it waits for.
    pub(crate) async fn until_waits(&self, id: &str, phase: Phase, words: &str) -> Run {
        let waits = |run: &Run| {
            run.phase == phase
                && run.state != State::Active
                && run
                    .waiting
                    .iter()
                    .any(|waiting| format!("{} {}", waiting.kind, waiting.name).contains(words))
        };
        self.until(id, &format!("{phase}, waiting for {words}"), waits)
            .await
    }

    /// Waits until it completed.
    pub(crate) async fn until_completed(&self, id: &str) -> Run {
        self.until_phase(id, Phase::Completed).await
    }

    /// Asks for one more rotation of a secret and waits until it completed.
    pub(crate) async fn rotated_again(&self, id: &str) -> Run {
        let before = self.newest(id).await.map(|run| run.id);
        self.run(&["rotate-now", id]).succeeded();
        let another = |run: &Run| Some(&run.id) != before.as_ref();
        let done = |run: &Run| another(run) && run.phase == Phase::Completed;
        self.until(id, "completed once more", done).await
    }

    /// Every effect of a rotation.
    pub(crate) async fn effects(&self, run: &Run) -> Vec<Effect> {
        let id = run.id.as_str().to_owned();
        let journal = self.journal().await;
        let read = journal.read(async move |tx| ledger::effects(tx, &id).await);
        read.await.unwrap()
    }

    /// Whether some intent to end a credential for good was ever committed for a rotation.
    pub(crate) async fn has_intent(&self, run: &Run, kind: Kind) -> bool {
        let effects = self.effects(run).await;
        effects.iter().any(|effect| effect.kind == kind)
    }

    /// The audit rows of a secret, in global order; waits until every row of its newest rotation has its place.
    pub(crate) async fn audit(&self, id: &str) -> Vec<AuditRow> {
        let end = Instant::now() + PATIENCE;
        let run = self.newest(id).await.expect("a rotation");
        loop {
            let rows = self.rows(id).await;
            let placed = rows.iter().filter(|row| row.rotation_id == run.id.as_str());
            if i64::try_from(placed.count()).unwrap() >= run.audit_n {
                return rows;
            }
            assert!(Instant::now() < end, "the audit's order was not kept");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn rows(&self, id: &str) -> Vec<AuditRow> {
        let filter = Filter {
            limit: 10_000,
            ..Filter::default()
        };
        let journal = self.journal().await;
        let read = journal.read(async move |tx| audit::list(tx, &filter).await);
        let rows = read.await.unwrap().into_iter();
        rows.filter(|row| row.secret_id == id).collect()
    }

    async fn told(&self, id: &str) -> String {
        let rows = self.rows(id).await;
        let lines: Vec<String> = rows
            .iter()
            .map(|row| {
                let e = &row.entry;
                format!(
                    "{} {} {} {} {}",
                    e.phase, e.action, e.outcome, e.destination, e.detail
                )
            })
            .collect();
        lines.join("\n")
    }

    /// A secret as the journal has it.
    pub(crate) async fn secret(&self, id: &str) -> secrets::Secret {
        let id = id.to_owned();
        let journal = self.journal().await;
        let read = journal.read(async move |tx| secrets::by_id(tx, &id).await);
        read.await.unwrap().expect("a secret")
    }

    /// What `keywheel retry` does.
    pub(crate) async fn retry(&self, id: &str) {
        let run = self.newest(id).await.unwrap();
        let journal = self.journal().await;
        let retried = async move |tx: &mut Tx| rotations::retry(tx, &run.id, "example").await;
        journal.write(retried).await.unwrap();
    }
}
