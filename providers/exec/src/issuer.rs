//! An issuer that is a program.

use crate::client::{Client, Config, Op};
use crate::launch::Launcher;
use crate::program::Program;
use crate::wire::issuer as wire;
use crate::wire::{Done, FieldsRef, Role};
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, LastUse, Liveness, Refusal, Result, Session, Tag,
};
use std::time::Duration;

const IDENTIFY: Op = Op::read("identify");
const PROPOSE: Op = Op::read("propose").yielding();
const CHECK_FORMAT: Op = Op::read("check_format");
const MINT: Op = Op::write("mint").yielding();
const APPLY: Op = Op::write("apply");
const ACTIVATE: Op = Op::write("activate");
const TEST: Op = Op::read("test");
const STATE: Op = Op::read("state");
const EXPIRES_AT: Op = Op::read("expires_at");
const FIND: Op = Op::read("find");
const DISABLE: Op = Op::write("disable");
const ENABLE: Op = Op::write("enable");
const REVOKE: Op = Op::write("revoke");
const LAST_USED: Op = Op::read("last_used");
const REFUSED_USES: Op = Op::read("refused_uses");
const SESSIONS: Op = Op::read("sessions");
const END_SESSIONS: Op = Op::write("end_sessions");

/// Shorter values may well be part of an id by chance.
const MIN_VALUE_IN_ID: usize = 8;

/// An issuer that is a program.
///
/// Operations that the capabilities rule out answer [`Invalid`](keywheel_contract::ErrorKind::Invalid)
/// without starting it. Three may be missing and have a plain meaning then: `check_format` (any value that
/// did not come before), `state` (unknown) and `refused_uses` (none told).
pub struct ExecIssuer {
    client: Client,
    capabilities: IssuerCapabilities,
}

impl ExecIssuer {
    /// Asks the program once what it can do.
    ///
    /// # Errors
    /// It cannot be started, does not answer, or promises what it has no operation for.
    pub async fn connect(program: Program, config: Config, launcher: Launcher) -> Result<Self> {
        let (client, said) =
            Client::connect::<wire::Capabilities>(program, config, launcher, Role::Issuer).await?;
        let capabilities = IssuerCapabilities::from(said);
        client.require(&[
            (capabilities.chosen_by == ChosenBy::Issuer, &[MINT]),
            (
                capabilities.chosen_by == ChosenBy::Keywheel,
                &[PROPOSE, APPLY],
            ),
            (capabilities.find != Find::None, &[FIND]),
            (capabilities.identifies, &[IDENTIFY]),
            (capabilities.tests, &[TEST]),
            (capabilities.reversible, &[DISABLE, ENABLE]),
            (capabilities.revokes, &[REVOKE]),
            (capabilities.activates, &[ACTIVATE]),
            (capabilities.expires, &[EXPIRES_AT]),
            (capabilities.reports_last_use, &[LAST_USED]),
            (capabilities.sessions, &[SESSIONS, END_SESSIONS]),
        ])?;
        Ok(Self {
            client,
            capabilities,
        })
    }

    /// The version that the program says of itself; empty where it says none.
    pub fn version(&self) -> &str {
        self.client.version()
    }

    /// The made credential, unless its id gives its value away: ids are stored and shown.
    fn accept(&self, op: Op, made: wire::Made) -> Result<Credential> {
        let credential = Credential {
            id: made.credential.id,
            fields: made.credential.fields.into(),
        };
        self.client.check_ids(op, [credential.id.as_str()])?;
        if credential.fields.is_empty() {
            return Err(self.client.broken(op, "its credential has no field"));
        }
        self.check_secrecy(op, &credential.id, &credential.fields)?;
        Ok(credential)
    }

    /// Of several fields one (a user's name) may well be the id, so only a single one is looked for.
    fn check_secrecy(&self, op: Op, id: &CredentialId, fields: &Fields) -> Result<()> {
        let mut values = fields.iter().map(|(_, value)| value);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Ok(());
        };
        let told = value.len() >= MIN_VALUE_IN_ID
            && value
                .expose_secret_str()
                .is_some_and(|text| id.as_str().contains(text));
        if told {
            return Err(self
                .client
                .broken(op, "the id it gave holds the secret value"));
        }
        Ok(())
    }
}

#[async_trait]
impl Issuer for ExecIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        self.capabilities.clone()
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let question = wire::Identify {
            fields: FieldsRef(fields),
        };
        let answer = self
            .client
            .call::<_, wire::Identified>(IDENTIFY, &question)
            .await?;
        if let Some(id) = &answer.value.id {
            self.client.check_ids(IDENTIFY, [id.as_str()])?;
            self.check_secrecy(IDENTIFY, id, fields)?;
        }
        Ok(answer.value.id)
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        let question = wire::Propose { current };
        let answer = self.client.call(PROPOSE, &question).await?;
        self.accept(PROPOSE, answer.value)
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let again = previous.is_some_and(|previous| candidate.matches(previous));
        if again {
            return Err(Error::invalid("the value is the previous one again"));
        }
        if !self.client.offers(CHECK_FORMAT) {
            return Ok(());
        }
        let question = wire::CheckFormat {
            candidate: FieldsRef(candidate),
            previous: previous.map(FieldsRef),
        };
        self.client
            .call::<_, Done>(CHECK_FORMAT, &question)
            .await
            .map(drop)
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let answer = self.client.call(MINT, &wire::Tagged { tag }).await?;
        self.accept(MINT, answer.value)
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        let question = wire::Apply {
            tag,
            credential: candidate.into(),
        };
        self.client
            .call::<_, Done>(APPLY, &question)
            .await
            .map(drop)
    }

    async fn activate(&self, candidate: &Credential) -> Result<()> {
        let question = wire::With {
            credential: candidate.into(),
        };
        self.client
            .call::<_, Done>(ACTIVATE, &question)
            .await
            .map(drop)
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let question = wire::With {
            credential: credential.into(),
        };
        let answer = self.client.call::<_, wire::Tested>(TEST, &question).await?;
        Ok(answer.value.liveness)
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        if !self.client.offers(STATE) {
            return Ok(CredentialState::Unknown);
        }
        let answer = self
            .client
            .call::<_, wire::Stated>(STATE, &wire::Named { id })
            .await?;
        Ok(answer.value.state)
    }

    async fn expires_at(&self, id: &CredentialId) -> Result<Option<i64>> {
        let answer = self
            .client
            .call::<_, wire::Expires>(EXPIRES_AT, &wire::Named { id })
            .await?;
        Ok(answer.value.expires_ms)
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let answer = self
            .client
            .call::<_, wire::FoundIds>(FIND, &wire::Tagged { tag })
            .await?;
        let ids = answer.value.ids;
        self.client
            .check_ids(FIND, ids.iter().map(CredentialId::as_str))?;
        Ok(ids)
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.client
            .call::<_, Done>(DISABLE, &wire::Named { id })
            .await
            .map(drop)
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        let question = wire::With {
            credential: credential.into(),
        };
        self.client
            .call::<_, Done>(ENABLE, &question)
            .await
            .map(drop)
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.client
            .call::<_, Done>(REVOKE, &wire::Named { id })
            .await
            .map(drop)
    }

    async fn last_used(&self, id: &CredentialId) -> Result<LastUse> {
        let answer = self
            .client
            .call::<_, wire::LastUsed>(LAST_USED, &wire::Named { id })
            .await?;
        Ok(LastUse {
            at_ms: answer.value.at_ms,
            as_of_ms: answer.value.as_of_ms,
            granularity: Duration::from_millis(answer.value.granularity_ms),
        })
    }

    async fn refused_uses(&self, id: &CredentialId, since_ms: i64) -> Result<Vec<Refusal>> {
        if !self.client.offers(REFUSED_USES) {
            return Ok(Vec::new());
        }
        let question = wire::Since { id, since_ms };
        let answer = self
            .client
            .call::<_, wire::Refusals>(REFUSED_USES, &question)
            .await?;
        let clean = |refusal: wire::Refusal| Refusal {
            at_ms: refusal.at_ms,
            from: answer.scrub.clean(&refusal.from),
        };
        Ok(answer.value.refusals.into_iter().map(clean).collect())
    }

    async fn sessions(&self, id: &CredentialId) -> Result<Vec<Session>> {
        let answer = self
            .client
            .call::<_, wire::Sessions>(SESSIONS, &wire::Named { id })
            .await?;
        let clean = |session: wire::Session| Session {
            id: answer.scrub.clean(&session.id),
            from: answer.scrub.clean(&session.from),
            address: session.address.map(|text| answer.scrub.clean(&text)),
            application: session.application.map(|text| answer.scrub.clean(&text)),
        };
        Ok(answer.value.sessions.into_iter().map(clean).collect())
    }

    async fn end_sessions(&self, id: &CredentialId) -> Result<u64> {
        let answer = self
            .client
            .call::<_, wire::Ended>(END_SESSIONS, &wire::Named { id })
            .await?;
        Ok(answer.value.ended)
    }
}
