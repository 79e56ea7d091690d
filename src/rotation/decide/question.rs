//! A blocked rotation: one question, one person, and the next one after that.

use super::Sitting;
use crate::journal::{Result, Tx, files};
use crate::rotation::plan::Waiting;

/// The kind of waiting that a question is.
const PERSON: &str = "person";

impl Sitting {
    /// Puts the question to the owner, and to whoever the owner named once it has stood long enough. Said in
    /// the audit when it is new and when it moves on, not each time the rotation looks again by itself.
    pub(super) async fn ask(
        &mut self,
        tx: &mut Tx,
        question: &str,
        next_command: &str,
    ) -> Result<Waiting> {
        let now_ms = tx.now_ms();
        let asked_before = self.run.question.split('\n').next() == Some(question);
        let before = self
            .run
            .waiting
            .iter()
            .find(|waiting| asked_before && waiting.kind == PERSON)
            .cloned();
        let since_ms = before.as_ref().map_or(now_ms, |before| before.since_ms);
        let owner = files::owner(tx, &self.run.plan.owner)
            .await?
            .unwrap_or_default();
        let stood = |after: i64| now_ms >= since_ms + after;
        let moved_on = owner.after.is_some_and(|after| stood(after.millis()));
        let next = owner.escalate_to.filter(|_| moved_on);
        let action = if next.is_some() {
            "escalated"
        } else {
            "blocked"
        };
        let name = next.unwrap_or_else(|| self.run.plan.owner.clone());
        if before.is_none_or(|before| before.name != name) {
            let note = self.note(action, "question");
            question.clone_into(&mut note.detail);
            note.destination.clone_from(&name);
        }
        let (kind, next_command) = (PERSON.to_owned(), next_command.to_owned());
        Ok(Waiting {
            kind,
            name,
            since_ms,
            until_ms: None,
            next_command,
        })
    }
}
