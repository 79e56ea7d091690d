//! A consumer that is told and looked at by a program.

use crate::client::{Answer, Client, Config, Op};
use crate::launch::Launcher;
use crate::program::Program;
use crate::wire::consumer as wire;
use crate::wire::{Done, Role};
use async_trait::async_trait;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Holding, Notice, Observation, Question, Result,
};

const NOTIFY: Op = Op::write("notify");
const OBSERVE: Op = Op::read("observe");

/// A consumer that is told and looked at by a program.
pub struct ExecConsumer {
    client: Client,
    capabilities: ConsumerCapabilities,
}

impl ExecConsumer {
    /// Asks the program once what it can do.
    ///
    /// # Errors
    /// It cannot be started, does not answer, or promises what it has no operation for.
    pub async fn connect(program: Program, config: Config, launcher: Launcher) -> Result<Self> {
        let (client, said) =
            Client::connect::<wire::Capabilities>(program, config, launcher, Role::Consumer)
                .await?;
        let capabilities = ConsumerCapabilities::from(said);
        client.require(&[
            (capabilities.notifies, &[NOTIFY]),
            (capabilities.strongest.is_some(), &[OBSERVE]),
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

    /// Evidence decides about revoking, so nothing is taken that was not asked about or not promised.
    fn check(&self, question: &Question<'_>, seen: &wire::Observation) -> Result<()> {
        if Some(seen.strength) > self.capabilities.strongest {
            let what = "it claims stronger evidence than its capabilities promise";
            return Err(self.client.broken(OBSERVE, what));
        }
        match &seen.holding {
            Holding::Credential(id) if !question.held.iter().any(|held| held.credential == id) => {
                let what = "it names a credential that was not asked about";
                Err(self.client.broken(OBSERVE, what))
            }
            Holding::Credential(_) | Holding::Other | Holding::Unknown => {
                self.client.check_ids(OBSERVE, [seen.instance.as_str()])
            }
        }
    }
}

#[async_trait]
impl Consumer for ExecConsumer {
    fn capabilities(&self) -> ConsumerCapabilities {
        self.capabilities.clone()
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        let notice = wire::Notify::from(notice);
        self.client.call::<_, Done>(NOTIFY, &notice).await.map(drop)
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        let Answer { value, scrub } = self
            .client
            .call::<_, wire::Observations>(OBSERVE, &wire::Observe::from(question))
            .await?;
        for seen in &value.observations {
            self.check(question, seen)?;
        }
        let clean = |seen: wire::Observation| Observation {
            instance: scrub.clean(&seen.instance),
            holding: seen.holding,
            strength: seen.strength,
            started_at_ms: seen.started_at_ms,
            seen_at_ms: None,
            detail: scrub.clean(&seen.detail),
        };
        Ok(value.observations.into_iter().map(clean).collect())
    }
}
