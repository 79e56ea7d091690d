//! One service of this machine.

use crate::sight::Sight;
use crate::{bus, job, judge};
use async_trait::async_trait;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Error, Examination, Notice, Observation, Question, Result,
    Strength,
};
use std::future::Future;
use std::time::Duration;
use zbus::Connection;

/// A bus or a systemd that says nothing for so long is away.
const DEADLINE: Duration = Duration::from_secs(5);

/// How a unit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is restarted.
    Restart,
    /// It is reloaded: its `ExecReload=` is run.
    Reload,
}

impl Told {
    /// As `systemctl` calls it, and polkit.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }
}

/// A service as a consumer.
#[derive(Debug, Clone)]
pub struct Unit {
    pub(crate) name: String,
    pub(crate) told: Told,
    bus: Option<String>,
}

impl Unit {
    /// The service of that name, such as `orders.service` or `worker@1.service`, of the systemd on the system bus;
    /// nothing is called yet.
    pub fn new(name: impl Into<String>, told: Told) -> Self {
        Self {
            name: name.into(),
            told,
            bus: None,
        }
    }

    /// The same of the systemd on the bus at this D-Bus address.
    #[must_use]
    pub fn on_bus(self, address: impl Into<String>) -> Self {
        Self {
            bus: Some(address.into()),
            ..self
        }
    }

    /// What it is like just now.
    ///
    /// # Errors
    /// `Unavailable`: there is no bus or no systemd. `Denied`: it may not be looked at.
    pub(crate) async fn look(&self) -> Result<Sight> {
        self.in_time(async {
            let connection = bus::connect(self.bus.as_deref()).await?;
            self.look_over(&connection).await
        })
        .await
    }

    async fn look_over(&self, connection: &Connection) -> Result<Sight> {
        let sight = Sight::of(connection, &self.name).await;
        sight.map_err(|error| bus::failed(&self.name, "look at", &error))
    }

    async fn tell(&self) -> Result<()> {
        let connection = bus::connect(self.bus.as_deref()).await?;
        let sight = self.look_over(&connection).await?;
        sight.exists(&self.name)?;
        if sight.is_stopped() {
            // Whoever starts it has it read the value then; that is nothing to be decided here.
            tracing::debug!(unit = %self.name, "it is stopped, and nothing is started");
            return Ok(());
        }
        let ended = job::run(&connection, &self.name, self.told).await;
        let ended = ended.map_err(|error| bus::failed(&self.name, self.told.verb(), &error))?;
        match ended.as_deref() {
            None | Some("done") => Ok(()),
            Some(other) => Err(Error::unavailable(format!(
                "the {} of {} ended as `{other}`: `systemctl status {}`",
                self.told.verb(),
                self.name,
                self.name
            ))),
        }
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = tokio::time::timeout(DEADLINE, call).await;
        answer.unwrap_or_else(|_| {
            Err(Error::unavailable(format!(
                "{}: systemd said nothing for {} s",
                self.name,
                DEADLINE.as_secs()
            )))
        })
    }
}

#[async_trait]
impl Consumer for Unit {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: Some(Strength::Restarted),
            notifies: true,
            host_bound: true,
        }
    }

    async fn notify(&self, _notice: &Notice) -> Result<()> {
        self.in_time(self.tell()).await
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        let sight = self.look().await?;
        let machine = rustix::system::uname();
        let machine = machine.nodename().to_string_lossy();
        let seen = judge::judge(&self.name, &machine, self.told, &sight, question)?;
        Ok(vec![seen])
    }

    async fn examine(&self) -> Examination {
        self.examined().await
    }
}
