//! The answers that consumers posted, as the journal keeps them, for whoever judges them.

use crate::consumers::{Postbox, Posted};
use crate::journal::{Journal, attestations};
use keywheel_contract::{Error, Result, SecretId};

/// Reads posted answers from the journal, where every replica puts them.
pub struct Attested(Journal);

impl Attested {
    /// Of this journal.
    pub fn new(journal: Journal) -> Self {
        Self(journal)
    }
}

#[async_trait::async_trait]
impl Postbox for Attested {
    async fn posted(&self, id: &SecretId, consumer: &str) -> Result<Vec<Posted>> {
        let (id, consumer) = (id.to_string(), consumer.to_owned());
        let read = self
            .0
            .read(async move |tx| attestations::of(tx, &id, &consumer).await);
        let found = read.await.map_err(|error| {
            Error::unavailable(format!("what was attested cannot be read: {error}"))
        })?;
        let posted = found.into_iter().map(|one| Posted {
            challenge: one.challenge,
            answer: one.answer,
            issued_ms: one.issued_ms,
        });
        Ok(posted.collect())
    }
}
