//! A replica's presence: a row that says it is alive, and on SQLite a locked file, so that the leases of one
//! that died are free at once instead of after their time.

use super::BuildError;
use crate::journal::replicas::{self, Replica};
use crate::journal::{Address, Journal, Result, rotations};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// This replica, as others see it.
pub struct Presence {
    replica: Replica,
    lock: Option<(PathBuf, File)>,
}

/// This machine's name.
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

impl Presence {
    /// A new replica of a kind (`daemon`, `command`).
    ///
    /// # Errors
    /// Its lock file cannot be made beside the journal.
    pub fn new(journal: &Journal, kind: &str) -> std::result::Result<Self, BuildError> {
        let id = uuid::Uuid::now_v7().to_string();
        let lock = match journal.address() {
            Address::Sqlite(path) => Some(lock(path, &id)?),
            Address::Postgres(_) => None,
        };
        let replica = Replica {
            id,
            kind: kind.to_owned(),
            host: host_name(),
            pid: i64::from(std::process::id()),
            started_ms: journal.clock().now_ms(),
            seen_ms: 0,
            stopped_ms: None,
        };
        Ok(Self { replica, lock })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.replica.id
    }

    /// Its machine.
    pub fn host(&self) -> &str {
        &self.replica.host
    }

    /// Says that it is alive, and frees the leases of replicas of this machine that died.
    ///
    /// # Errors
    /// The journal.
    pub async fn beat(&self, journal: &Journal) -> Result<()> {
        let replica = self.replica.clone();
        journal
            .write(async move |tx| replicas::beat(tx, &replica).await)
            .await?;
        for dead in self.dead() {
            let freed = journal.write(async move |tx| {
                replicas::release(tx, &dead).await?;
                replicas::stop(tx, &dead).await?;
                rotations::release_all(tx, &dead).await
            });
            if freed.await? > 0 {
                tracing::warn!("a replica died; its rotations go on here");
            }
        }
        Ok(())
    }

    /// Says goodbye and gives every lease up.
    ///
    /// # Errors
    /// The journal.
    pub async fn end(&self, journal: &Journal) -> Result<()> {
        let id = self.replica.id.clone();
        journal
            .write(async move |tx| {
                rotations::release_all(tx, &id).await?;
                replicas::release(tx, &id).await?;
                replicas::stop(tx, &id).await
            })
            .await
    }

    /// Ids of replicas whose lock file nobody holds.
    fn dead(&self) -> Vec<String> {
        let Some((own, _)) = &self.lock else {
            return Vec::new();
        };
        let Some(listing) = own
            .parent()
            .and_then(|folder| std::fs::read_dir(folder).ok())
        else {
            return Vec::new();
        };
        listing
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path != own)
            .filter_map(|path| {
                let file = File::open(&path).ok()?;
                file.try_lock().ok()?;
                std::fs::remove_file(&path).ok()?;
                Some(path.file_name()?.to_string_lossy().into_owned())
            })
            .collect()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.lock
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the replica's lock file stays until the next start");
        }
    }
}

fn lock(journal: &Path, id: &str) -> std::result::Result<(PathBuf, File), BuildError> {
    let mut folder = journal.as_os_str().to_owned();
    folder.push("-replicas");
    let folder = PathBuf::from(folder);
    let failed = |source| BuildError::System {
        what: "locking this replica's file beside the journal",
        source,
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let path = folder.join(id);
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok((path, file))
}
