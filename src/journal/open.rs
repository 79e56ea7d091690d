//! Opening and making a journal.

use super::error::{Error, Result};
use super::sql::{Dialect, Tx};
use super::worker::{self, Access};
use super::{Journal, Thread};
use crate::clock::Clock;
use sqlx::migrate::{MigrateError, Migrator};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The newest migration this version knows.
pub const MIGRATIONS: i64 = 6;

/// Where a journal is. Its text form never shows a password.
#[derive(Clone, PartialEq, Eq)]
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

    fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}?mode=rw", in_url(path)),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// `?`, `#`, `%` and blanks of a path are not parts of a URL.
fn in_url(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(|&byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => f.write_str(&without_credentials(url)),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Drops what stands before `@`, and the parameters: a password may be in either.
fn without_credentials(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
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
        let place = address.to_string();
        if let Address::Sqlite(path) = &address
            && !path.exists()
        {
            return Err(Error::Missing { place });
        }
        let access = access(&address, &clock);
        match newest_migration(&access).await? {
            None => return Err(Error::Missing { place }),
            Some(found) if found > MIGRATIONS => {
                return Err(Error::Newer {
                    place,
                    found,
                    known: MIGRATIONS,
                });
            }
            Some(found) if found < MIGRATIONS => migrate(&access).await?,
            Some(_) => {}
        }
        Self::start(address, clock, access).await
    }

    /// Makes a new journal; a file is readable by its owner only. Only `keywheel init` does.
    ///
    /// # Errors
    /// There is one already, the database is somebody else's, or the place cannot be written.
    pub async fn create(address: Address, clock: Arc<dyn Clock>) -> Result<Self> {
        if let Address::Sqlite(path) = &address {
            make_file(path)?;
        }
        let access = access(&address, &clock);
        if newest_migration(&access).await?.is_some() {
            return Err(Error::Exists {
                place: address.to_string(),
            });
        }
        migrate(&access).await?;
        Self::start(address, clock, access).await
    }

    async fn start(address: Address, clock: Arc<dyn Clock>, access: Access) -> Result<Self> {
        let (messages, inbox) = mpsc::unbounded_channel();
        let totals = Arc::clone(&access.totals);
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
            totals,
            _thread: Arc::new(Thread(Some(thread))),
        })
    }
}

fn access(address: &Address, clock: &Arc<dyn Clock>) -> Access {
    Access {
        url: address.url(),
        place: address.to_string(),
        dialect: address.dialect(),
        clock: Arc::clone(clock),
        totals: Arc::default(),
    }
}

/// An empty file, unless there is one; SQLite gives its log the same permissions.
fn make_file(path: &Path) -> Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    made.map(drop).map_err(|error| {
        let (place, reason) = (path.display().to_string(), error.to_string());
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Error::ReadOnly { place, reason }
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full { place },
            _ => Error::Failed { place, reason },
        }
    })
}

/// Some of our tables, and the one that sqlx keeps for every program that migrates with it.
const OURS: [&str; 4] = ["_sqlx_migrations", "audit", "rotation", "secret"];

/// `None` where there is no table of anybody. Looks without a writer's connection, which would change the file.
async fn newest_migration(access: &Access) -> Result<Option<i64>> {
    let mut tx = access.connect(false).await?;
    let tables = tables(&mut tx).await?;
    let newest = "SELECT MAX(version) AS version FROM _sqlx_migrations";
    if OURS.iter().all(|ours| tables.contains(*ours)) {
        let row = tx.row(newest, &[]).await?;
        return row.map_or(Ok(None), |row| row.maybe_int("version"));
    }
    // Making a journal that is cut short leaves the first of them, empty.
    let begun = tables.iter().eq(["_sqlx_migrations"])
        && tx
            .row("SELECT version FROM _sqlx_migrations LIMIT 1", &[])
            .await?
            .is_none();
    match tables.is_empty() || begun {
        true => Ok(None),
        false => Err(Error::Foreign {
            place: access.place.clone(),
        }),
    }
}

async fn tables(tx: &mut Tx) -> Result<BTreeSet<String>> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        Dialect::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
             WHERE table_type = 'BASE TABLE' AND table_schema = current_schema()"
        }
    };
    tx.rows(sql, &[])
        .await?
        .iter()
        .map(|row| row.text("name"))
        .collect()
}

async fn migrate(access: &Access) -> Result<()> {
    let steps = match access.dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    };
    let mut tx = access.connect(true).await?;
    steps.run(&mut tx.conn).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            Error::from_sqlx(&access.place, &error)
        }
        other => Error::Failed {
            place: access.place.clone(),
            reason: other.to_string(),
        },
    })
}
