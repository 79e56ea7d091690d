//! When a credential ends by itself, as far as its issuer says.

use crate::rotation::report::Ends;
use keywheel_contract::{CredentialId, Issuer};
use std::time::Duration;

/// An issuer has so long to say it: less than a test of the credential takes.
const WITHIN: Duration = Duration::from_secs(3);

/// What an issuer says of a credential. Whoever cannot be told now is asked again later: nothing else waits for it.
pub async fn ends(issuer: &dyn Issuer, id: &CredentialId) -> Ends {
    if !issuer.capabilities().expires {
        return Ends::Never;
    }
    match tokio::time::timeout(WITHIN, issuer.expires_at(id)).await {
        Ok(Ok(None)) => Ends::Never,
        Ok(Ok(Some(at_ms))) => Ends::At(at_ms),
        Ok(Err(error)) => Ends::Unknown(error.message),
        Err(_) => Ends::Unknown("its issuer gives no answer".to_owned()),
    }
}
