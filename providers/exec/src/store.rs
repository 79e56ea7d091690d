//! A store that is a program.

use crate::client::{Client, Config, Op};
use crate::launch::Launcher;
use crate::program::Program;
use crate::wire::store as wire;
use crate::wire::{Done, Role, SealedRef};
use async_trait::async_trait;
use keywheel_contract::{
    Document, Error, Find, Found, Inspection, Mark, Place, Result, Retired, SecretStore,
    SecretValue, StoreCapabilities, Version, VersionId, Write,
};

const INSPECT: Op = Op::read("inspect");
const COMPOSE: Op = Op::read("compose").yielding();
const STAGE: Op = Op::write("stage");
const PROMOTE: Op = Op::write("promote");
const READ: Op = Op::read("read").yielding();
const LIST: Op = Op::read("list");
const FIND: Op = Op::read("find");
const DISABLE: Op = Op::write("disable");
const ENABLE: Op = Op::write("enable");
const DESTROY: Op = Op::write("destroy");

/// A store that is a program.
///
/// Operations that the capabilities rule out answer [`Invalid`](keywheel_contract::ErrorKind::Invalid)
/// without starting it. Two may be missing and have a plain meaning then: without `compose` its places hold
/// whole values, sent as they are; without `destroy` it cannot end a version.
pub struct ExecStore {
    client: Client,
    capabilities: StoreCapabilities,
}

impl ExecStore {
    /// Asks the program once what it can do.
    ///
    /// # Errors
    /// It cannot be started, does not answer, or promises what it has no operation for.
    pub async fn connect(program: Program, config: Config, launcher: Launcher) -> Result<Self> {
        let (client, said) =
            Client::connect::<wire::Capabilities>(program, config, launcher, Role::Store).await?;
        let capabilities = StoreCapabilities::from(said);
        client.require(&[
            (true, &[INSPECT, PROMOTE]),
            (capabilities.stages, &[STAGE]),
            (capabilities.find != Find::None, &[FIND]),
            (capabilities.readable, &[READ]),
            (capabilities.versions, &[LIST]),
            (capabilities.reversible, &[DISABLE, ENABLE]),
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

    async fn put(&self, op: Op, write: &Write<'_>) -> Result<VersionId> {
        let answer = self
            .client
            .call::<_, wire::Written>(op, &wire::Put::from(write))
            .await?;
        let version = answer.value.version;
        self.client.check_ids(op, [version.as_str()])?;
        Ok(version)
    }

    async fn end(&self, op: Op, place: &Place, version: &VersionId) -> Result<Retired> {
        let question = wire::Exactly { place, version };
        let answer = self.client.call::<_, wire::Ended>(op, &question).await?;
        Ok(answer.value.retired)
    }

    /// What `destroy` answers where the program has none.
    async fn leave(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        if self.inspect(place).await?.current.as_ref() != Some(version) {
            return Ok(Retired::Impossible);
        }
        let seen = Some(version.clone());
        let message = self.client.says(DESTROY, "this is the current version");
        Err(Error::conflict(seen, message))
    }

    fn found_version(&self, version: Option<VersionId>) -> Result<VersionId> {
        let version =
            version.ok_or_else(|| self.client.broken(FIND, "its answer has no `version`"))?;
        self.client.check_ids(FIND, [version.as_str()])?;
        Ok(version)
    }
}

#[async_trait]
impl SecretStore for ExecStore {
    fn capabilities(&self) -> StoreCapabilities {
        self.capabilities.clone()
    }

    async fn inspect(&self, place: &Place) -> Result<Inspection> {
        let answer = self
            .client
            .call::<_, wire::Inspection>(INSPECT, &wire::At { place })
            .await?;
        self.client.check_ids(INSPECT, answer.value.ids())?;
        Ok(answer.value.cleaned(|text| answer.scrub.clean(text)))
    }

    async fn compose(
        &self,
        place: &Place,
        document: &Document,
        seen: &Inspection,
    ) -> Result<SecretValue> {
        if !self.client.offers(COMPOSE) {
            return match document {
                Document::Whole(value) => Ok(value.duplicate()),
                Document::Fields(_) => Err(Error::invalid(self.client.says(
                    COMPOSE,
                    "it does not offer this, so that its places hold whole values only",
                ))),
            };
        }
        let question = wire::Compose {
            place,
            document: document.into(),
            seen: seen.into(),
        };
        let answer = self
            .client
            .call::<_, wire::Composed>(COMPOSE, &question)
            .await?;
        Ok(answer.value.payload.0)
    }

    async fn stage(&self, write: &Write<'_>) -> Result<VersionId> {
        self.put(STAGE, write).await
    }

    async fn promote(&self, write: &Write<'_>) -> Result<VersionId> {
        self.put(PROMOTE, write).await
    }

    async fn read(&self, place: &Place, version: &VersionId) -> Result<Document> {
        let question = wire::Exactly { place, version };
        let answer = self
            .client
            .call::<_, wire::Content>(READ, &question)
            .await?;
        Ok(answer.value.document.into())
    }

    async fn list(&self, place: &Place) -> Result<Vec<Version>> {
        let answer = self
            .client
            .call::<_, wire::Versions>(LIST, &wire::At { place })
            .await?;
        let versions = answer.value.versions;
        self.client
            .check_ids(LIST, versions.iter().map(|version| version.id.as_str()))?;
        let version = |version: wire::Version| Version {
            id: version.id,
            current: version.current,
            enabled: version.enabled,
            ended: version.ended,
        };
        Ok(versions.into_iter().map(version).collect())
    }

    async fn find(&self, place: &Place, mark: &Mark, payload: &SecretValue) -> Result<Found> {
        let question = wire::FindWrite {
            place,
            mark: mark.into(),
            payload: SealedRef(payload),
        };
        let answer = self
            .client
            .call::<_, wire::FoundWrite>(FIND, &question)
            .await?;
        let wire::FoundWrite {
            found,
            version,
            url,
        } = answer.value;
        Ok(match found {
            wire::Found::Absent => Found::Absent,
            wire::Found::Staged => Found::Staged(self.found_version(version)?),
            wire::Found::Current => Found::Current(self.found_version(version)?),
            wire::Found::Superseded => Found::Superseded(self.found_version(version)?),
            wire::Found::Pending => Found::Pending {
                url: answer.scrub.clean(url.as_deref().unwrap_or_default()),
            },
        })
    }

    async fn disable(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        self.end(DISABLE, place, version).await
    }

    async fn enable(&self, place: &Place, version: &VersionId) -> Result<()> {
        let question = wire::Exactly { place, version };
        self.client
            .call::<_, Done>(ENABLE, &question)
            .await
            .map(drop)
    }

    async fn destroy(&self, place: &Place, version: &VersionId) -> Result<Retired> {
        if !self.client.offers(DESTROY) {
            return self.leave(place, version).await;
        }
        self.end(DESTROY, place, version).await
    }
}
