//! Which of our credentials a value is, by its fingerprint.

use super::tools::Tools;
use crate::journal::ledger::{self, CredentialRow};
use crate::journal::{self, Journal};
use keywheel_contract::{FingerprintKey, SecretValue};
use std::sync::Arc;

/// The credentials of one secret.
pub(super) struct Ours {
    rows: Vec<CredentialRow>,
    key: Arc<FingerprintKey>,
}

impl Ours {
    pub(super) async fn of(
        journal: &Journal,
        tools: &Tools,
        id: &str,
    ) -> Result<Self, journal::Error> {
        let id = id.to_owned();
        let read = journal.read(async move |tx| ledger::credentials(tx, &id).await);
        Ok(Self {
            rows: read.await?,
            key: Arc::clone(tools.fingerprint()),
        })
    }

    /// The newest that it is; `None` where it is none of them, or not written as in the main destination.
    pub(super) fn found(&self, value: &SecretValue) -> Option<&CredentialRow> {
        let print = self.key.of(value);
        let is_it = |row: &&CredentialRow| row.fingerprint.as_deref() == Some(print.as_str());
        self.rows.iter().find(is_it)
    }
}
