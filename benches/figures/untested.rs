//! "Tests off", a setting of the figures only: an issuer that says of itself that it cannot test, name a value or see
//! sessions, so that the planner asks for none of that, as it does with any issuer that cannot. keywheel itself has no such
//! setting.

use async_trait::async_trait;
use keywheel_contract::{
    Credential, CredentialId, CredentialState, Error, Fields, Issuer, IssuerCapabilities, Liveness,
    Result, Tag,
};
use keywheel_provider_postgres::PostgresIssuer;

/// The issuer of PostgreSQL's roles, one in place, without its tests.
pub(crate) struct Untested(pub(crate) PostgresIssuer);

/// What the capabilities rule out is never called; if it were, the figures would not be of what they say.
fn ruled_out<T>() -> Result<T> {
    Err(Error::invalid("this issuer is measured without its tests"))
}

#[async_trait]
impl Issuer for Untested {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            identifies: false,
            tests: false,
            sessions: false,
            ..self.0.capabilities()
        }
    }

    async fn identify(&self, _fields: &Fields) -> Result<Option<CredentialId>> {
        ruled_out()
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        self.0.propose(current).await
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        self.0.check_format(candidate, previous).await
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        self.0.apply(tag, candidate).await
    }

    async fn test(&self, _credential: &Credential) -> Result<Liveness> {
        ruled_out()
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        self.0.state(id).await
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        self.0.find(tag).await
    }
}
