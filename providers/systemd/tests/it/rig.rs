//! A service of a systemd of our own, told and asked as the engine does it.

use keywheel_contract::{
    Consumer as _, CredentialId, Held, Holding, Notice, Observation, Question, Result, RotationId,
    SecretValue, Strength, VersionId,
};
use keywheel_provider_systemd::{Told, Unit};
use keywheel_test_servers::systemd::Systemd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A program that keeps running and reads nothing.
pub(crate) const RUNS: &str = "ExecStart=sleep infinity";

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A unit that is a consumer.
pub(crate) struct Rig<'a> {
    pub(crate) systemd: &'a Systemd,
    pub(crate) unit: Unit,
    pub(crate) name: String,
}

impl Rig<'static> {
    /// A unit of that name, which has no file yet; `None` where there is no systemd, with the reason printed.
    pub(crate) fn named(name: &str, told: Told) -> Option<Self> {
        Some(Rig::on(Systemd::shared()?, name, told))
    }

    /// One that runs, and for long enough to be believed.
    pub(crate) async fn running(name: &str, told: Told, service: &str) -> Option<Self> {
        let rig = Self::named(name, told)?;
        rig.systemd.run(name, service);
        rig.settled().await;
        Some(rig)
    }
}

impl<'a> Rig<'a> {
    /// A unit of a systemd of the test's own.
    pub(crate) fn on(systemd: &'a Systemd, name: &str, told: Told) -> Self {
        Self {
            systemd,
            unit: Unit::new(name, told).on_bus(systemd.bus()),
            name: name.to_owned(),
        }
    }

    /// Waits until it is up for long enough.
    pub(crate) async fn settled(&self) {
        self.until(|seen| seen.is_ok()).await;
    }

    pub(crate) async fn notify(&self) -> Result<()> {
        self.unit.notify(&notice()).await
    }

    /// Asked about `new`, published then, and `old`.
    pub(crate) async fn seen(&self, published_at_ms: i64) -> Result<Observation> {
        let names = ["new", "old"].map(CredentialId::new);
        let value = SecretValue::from("example".to_owned());
        let held = names.each_ref().map(|credential| Held {
            credential,
            issuer_ref: None,
            version: None,
            value: &value,
            strong: true,
        });
        let question = Question {
            id: &"production/db".parse().unwrap(),
            consumer: "web",
            destination: "main:db",
            held: &held,
            published_at_ms,
            instances: 1,
        };
        let mut seen = self.unit.observe(&question).await?;
        assert_eq!(seen.len(), 1);
        Ok(seen.remove(0))
    }

    /// Asks until the answer is like this.
    pub(crate) async fn until(&self, wanted: impl Fn(&Result<Observation>) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen(0).await;
            if wanted(&seen) {
                return;
            }
            assert!(Instant::now() < end, "{seen:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Insists that it cannot be told what it holds, in these words.
    pub(crate) async fn cannot_tell(&self, published_at_ms: i64, words: &str) {
        let seen = self.seen(published_at_ms).await.unwrap();
        assert_eq!(seen.holding, Holding::Unknown, "{}", seen.detail);
        assert!(seen.detail.contains(words), "{}", seen.detail);
    }

    /// Insists that it holds the newest, and on how that is known.
    pub(crate) async fn holds_the_new_one(&self, published_at_ms: i64, words: &str) {
        let seen = self.seen(published_at_ms).await.unwrap();
        let new = Holding::Credential(CredentialId::new("new"));
        assert_eq!((&seen.holding, seen.strength), (&new, Strength::Restarted));
        assert!(seen.detail.contains(words), "{}", seen.detail);
        assert!(
            seen.instance.starts_with(&format!("{} on ", self.name)),
            "{}",
            seen.instance
        );
    }

    /// The process that runs.
    pub(crate) fn process(&self) -> String {
        self.systemd.shows(&self.name, "MainPID")
    }
}

pub(crate) fn notice() -> Notice {
    Notice {
        id: "production/db".parse().unwrap(),
        consumer: "web".to_owned(),
        destination: "main:db".to_owned(),
        version: VersionId::new("v2"),
        credential: None,
        rotation: RotationId::new("example-rotation"),
    }
}

/// The clock, a moment later than everything before it.
pub(crate) fn now_ms() -> i64 {
    std::thread::sleep(Duration::from_millis(2));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
