//! An order to systemd: a job, and how it ended.

use crate::bus::{JobRemovedStream, ManagerProxy};
use crate::unit::Told;
use futures_util::StreamExt as _;
use std::time::Duration;
use zbus::{Connection, OwnedObjectPath};

/// A job that is not over by then is no failure: its unit takes its time, and what becomes of it is seen when it is
/// asked. Far below the time that the engine gives to a call unless leases are a few seconds long.
const PATIENCE: Duration = Duration::from_secs(1);

/// A job takes the place of those that contradict it, as with `systemctl`; one of its own kind that waits takes it in.
const MODE: &str = "replace";

/// Queues a job; how it ended in systemd's word (`done`, `failed`, `timeout`, …), or `None` where it takes long.
pub(crate) async fn run(
    connection: &Connection,
    unit: &str,
    told: Told,
) -> zbus::Result<Option<String>> {
    let manager = ManagerProxy::new(connection).await?;
    manager.subscribe().await?;
    // Before the job, whose end may come at once.
    let mut ended = manager.receive_job_removed().await?;
    let job = match told {
        Told::Reload => manager.reload_unit(unit, MODE).await?,
        Told::Restart => manager.restart_unit(unit, MODE).await?,
    };
    let end = tokio::time::timeout(PATIENCE, end_of(&mut ended, &job)).await;
    end.ok().transpose()
}

async fn end_of(ended: &mut JobRemovedStream, job: &OwnedObjectPath) -> zbus::Result<String> {
    while let Some(signal) = ended.next().await {
        let told = signal.args()?;
        if told.job == *job {
            return Ok(told.result.clone());
        }
    }
    Err(zbus::Error::InvalidReply)
}
