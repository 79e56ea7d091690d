//! Who we are at Google: as configured, without a call.

use crate::credentials;
use google_cloud_auth::credentials::{Credentials, anonymous};
use keywheel_contract::{Result, SecretValue};
use keywheel_reference::Reference;
use std::path::Path;

/// Who we are.
pub(crate) enum Login {
    /// Nobody, for a service of this machine.
    Nobody,
    /// As the environment says.
    Environment,
    /// As a text says that may be replaced at any time.
    Text(Reference),
}

impl Login {
    /// By the options: nothing is ever shown without encryption.
    pub(crate) fn of(reference: Option<&Reference>, plaintext: bool) -> Self {
        match (reference, plaintext) {
            (_, true) => Self::Nobody,
            (None, false) => Self::Environment,
            (Some(reference), false) => Self::Text(reference.clone()),
        }
    }

    /// The credential's text as it is now, where there is one.
    pub(crate) async fn text(&self, base: &Path) -> Result<Option<SecretValue>> {
        match self {
            Self::Text(reference) => reference.read(base).await.map(Some),
            Self::Nobody | Self::Environment => Ok(None),
        }
    }

    pub(crate) fn credentials(&self, text: Option<&SecretValue>) -> Result<Credentials> {
        match (self, text) {
            (Self::Nobody, _) => Ok(anonymous::Builder::new().build()),
            (Self::Text(_), Some(text)) => credentials::of_text(text),
            (Self::Environment, _) | (Self::Text(_), None) => credentials::of_environment(),
        }
    }
}

/// Whether two texts are the same.
pub(crate) fn same(a: Option<&SecretValue>, b: Option<&SecretValue>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.matches(b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}
