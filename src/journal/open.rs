//! Opening and making a journal.

use super::error::{Error, Result};
use super::sql::{Dialect, Tx};
use super::worker::{self, Access};
use super::{Journal, Thread};
use crate::clock::Clock;
use sqlx::migrate::Migrator;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The newest migration this version knows.
pub const MIGRATIONS: i64 = 1;

/// Where a journal is. Its text form never shows a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server's URL, with credentials.
    Postgres(String),
}

impl Address {
    /// Reads `sqlite://FILE` (relative to `base`) or `postgres://…`.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str, base: &Path) -> Result<Self> {
        if let Some(path) = text
            .strip_prefix("sqlite://")
            .filter(|path| !path.is_empty())
        {
            return Ok(Self::Sqlite(base.join(path)));
        }
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        match postgres {
            true => Ok(Self::Postgres(text.to_owned())),
            false => Err(Error::Address {
                place: without_credentials(text),
            }),
        }
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    fn url(&self, create: bool) -> String {
        match self {
            Self::Sqlite(path) => {
                format!(
                    "sqlite://{}?mode={}",
                    path.display(),
                    if create { "rwc" } else { "rw" }
                )
            }
            Self::Postgres(url) => url.clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_credentials(url)),
        }
    }
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

impl Journal {
    /// Opens a journal that exists and brings its tables up to date.
    ///
    /// # Errors
    /// There is none, it is of a newer version, damaged, read-only or out of reach.
    pub async fn open(address: Address, clock: Arc<dyn Clock>) -> Result<Self> {
        if let Address::Sqlite(path) = &address
            && !path.exists()
        {
            return Err(Error::Missing {
                place: address.to_string(),
            });
        }
        let access = access(&address, &clock, false);
        let mut tx = access.connect(true).await?;
        let found = newest_migration(&mut tx).await?;
        match found {
            None => {
                return Err(Error::Missing {
                    place: address.to_string(),
                });
            }
            Some(found) if found > MIGRATIONS => {
                let place = address.to_string();
                return Err(Error::Newer {
                    place,
                    found,
                    known: MIGRATIONS,
                });
            }
            Some(found) if found < MIGRATIONS => migrate(&mut tx).await?,
            Some(_) => {}
        }
        drop(tx);
        Self::start(address, clock, access).await
    }

    /// Makes a new journal. Only `keywheel init` does.
    ///
    /// # Errors
    /// There is one already, or the place cannot be written.
    pub async fn create(address: Address, clock: Arc<dyn Clock>) -> Result<Self> {
        if let Address::Sqlite(path) = &address {
            private_file(path, &address)?;
        }
        let access = access(&address, &clock, true);
        let mut tx = access.connect(true).await?;
        if newest_migration(&mut tx).await?.is_some() {
            return Err(Error::Exists {
                place: address.to_string(),
            });
        }
        migrate(&mut tx).await?;
        drop(tx);
        Self::start(address, clock, access).await
    }

    async fn start(address: Address, clock: Arc<dyn Clock>, access: Access) -> Result<Self> {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (up, is_up) = oneshot::channel::<std::io::Result<()>>();
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                let built = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match built {
                    Ok(runtime) => {
                        drop(up.send(Ok(())));
                        let local = tokio::task::LocalSet::new();
                        local.block_on(&runtime, worker::serve(access, inbox));
                    }
                    Err(error) => drop(up.send(Err(error))),
                }
            });
        let place = address.to_string();
        let failed = |reason: String| Error::Failed {
            place: place.clone(),
            reason,
        };
        let thread = thread.map_err(|e| failed(e.to_string()))?;
        match is_up.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("its thread did not start".into())),
        }
        let address = Arc::new(address);
        Ok(Self {
            messages,
            clock,
            address,
            _thread: Arc::new(Thread(Some(thread))),
        })
    }
}

/// SQLite gives its log the mode of the file: nobody else is to read either.
fn private_file(path: &Path, address: &Address) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    made.map(drop).map_err(|e| Error::ReadOnly {
        place: address.to_string(),
        reason: e.to_string(),
    })
}

fn access(address: &Address, clock: &Arc<dyn Clock>, create: bool) -> Access {
    Access {
        url: address.url(create),
        place: address.to_string(),
        dialect: address.dialect(),
        clock: Arc::clone(clock),
    }
}

/// `None` where the tables were never made.
async fn newest_migration(tx: &mut Tx) -> Result<Option<i64>> {
    let exists = match tx.dialect() {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        Dialect::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
             WHERE table_name = '_sqlx_migrations' AND table_schema = current_schema()"
        }
    };
    if tx.row(exists, &[]).await?.is_none() {
        return Ok(None);
    }
    let newest = "SELECT version FROM _sqlx_migrations ORDER BY version DESC LIMIT 1";
    tx.row(newest, &[])
        .await?
        .map(|row| row.int("version"))
        .transpose()
}

async fn migrate(tx: &mut Tx) -> Result<()> {
    let steps = match tx.dialect() {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    };
    let place = tx.place.clone();
    steps.run(&mut tx.conn).await.map_err(|e| Error::Failed {
        place,
        reason: e.to_string(),
    })
}
