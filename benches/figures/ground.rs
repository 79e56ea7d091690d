//! What a cell stands on: a journal on the real disk, a store on a memory disk, a seal.

use anyhow::{Context as _, Result, bail};
use keywheel::clock::SystemClock;
use keywheel::journal::{Address, Journal, meta};
use keywheel::seal::KeyRing;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Below the build folder, which lies on a disk.
pub(crate) fn disk() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Which database carries the journal.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// A file.
    Sqlite,
    /// A cluster at this address.
    Postgres(String),
}

impl Backend {
    /// Reads a cell's word.
    pub(crate) fn parse(word: &str, url: Option<&str>) -> Result<Self> {
        match (word, url) {
            ("sqlite", _) => Ok(Self::Sqlite),
            ("postgres", Some(url)) => Ok(Self::Postgres(url.to_owned())),
            _ => bail!("`{word}` is no backend, or has no address"),
        }
    }

    /// As cells are named.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// Everything below one cell; removed with the value, but for a database, which goes with its cluster.
pub(crate) struct Ground {
    /// The journal, made anew.
    pub(crate) journal: Journal,
    /// Its address as `keywheel.toml` says it.
    pub(crate) url: String,
    /// The seal.
    pub(crate) ring: Arc<KeyRing>,
    folder: TempDir,
    memory: TempDir,
}

impl Ground {
    /// Makes a journal, a seal key beside it and an empty store.
    pub(crate) async fn prepare(backend: &Backend) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cell-")
            .tempdir_in(disk())?;
        let memory = tempfile::Builder::new()
            .prefix("keywheel-")
            .tempdir_in("/dev/shm")?;
        let key = folder.path().join("seal.key");
        KeyRing::create(&key)?;
        let ring = Arc::new(KeyRing::load(&key)?);
        let url = match backend {
            Backend::Sqlite => "sqlite://keywheel.db".to_owned(),
            Backend::Postgres(url) => new_database(url).await?,
        };
        let address = Address::parse(&url, folder.path())?;
        let journal = Journal::create(address, Arc::new(SystemClock)).await?;
        let check = ring.check().to_owned();
        journal
            .write(async move |tx| meta::keep(tx, meta::SEAL_CHECK, &check).await)
            .await?;
        Ok(Self {
            journal,
            url,
            ring,
            folder,
            memory,
        })
    }

    /// The folder of journal and seal key, on the disk.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the store, in memory.
    pub(crate) fn store(&self) -> &Path {
        self.memory.path()
    }

    /// A second way into the same journal, as another process would have it.
    pub(crate) async fn second_journal(&self) -> Result<Journal> {
        let address = Address::parse(&self.url, self.folder())?;
        Ok(Journal::open(address, Arc::new(SystemClock)).await?)
    }
}

/// An empty database of its own, by its address.
pub(crate) async fn new_database(cluster: &str) -> Result<String> {
    let name = format!("cell_{}", uuid::Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(cluster).await?;
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::query(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    let (server, _) = cluster
        .rsplit_once('/')
        .context("the cluster's address has no database")?;
    Ok(format!("{server}/{name}"))
}
