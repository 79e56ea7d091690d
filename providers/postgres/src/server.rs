//! Connections to one server: a few at once, however many secrets it has. Those of the admin are kept for a while, each
//! made with the credential that lies in its place then.

use crate::options::PostgresOptions;
use crate::{environment, refusal};
use keywheel_contract::{Error, Result, SecretValue, Session};
use keywheel_database::Place;
use keywheel_reference::Reference;
use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The longest that a connection is waited for, login included.
const CONNECT: Duration = Duration::from_secs(8);
/// The longest that one statement is waited for.
const STATEMENT: Duration = Duration::from_secs(10);
/// What each session is told: the server gives up earlier than we do (milliseconds), and looks for functions, operators
/// and tables where nobody else may make any.
const SESSION: [(&str, &str); 4] = [
    ("statement_timeout", "8000"),
    ("lock_timeout", "5000"),
    ("idle_in_transaction_session_timeout", "8000"),
    ("search_path", "pg_catalog,pg_temp"),
];
/// Calls to one server at once, logins included, whatever their database and admin. Each admin may have as many
/// connections kept beside them.
const AT_ONCE: usize = 4;
/// A connection that nobody uses is kept this long.
const KEPT: Duration = Duration::from_secs(30);

/// Connections that are kept, with when each was given back.
type Idle = Mutex<Vec<(Instant, PgConnection)>>;

/// One server.
pub(crate) struct Server {
    place: Place,
    database: String,
    ca_file: Option<PathBuf>,
    user: String,
    password: Reference,
    base: PathBuf,
    slots: Arc<Semaphore>,
    idle: Arc<Idle>,
}

impl Server {
    /// The one that other issuers of the same server, database and admin have, for each secret has an issuer of its own.
    /// Nothing is called yet; relative paths count from `base`.
    ///
    /// # Errors
    /// `Invalid`: the address is none, or the environment would count.
    pub(crate) fn shared(options: &PostgresOptions, base: &Path) -> Result<Arc<Self>> {
        static KNOWN: LazyLock<Mutex<HashMap<String, Weak<Server>>>> =
            LazyLock::new(Mutex::default);
        let key = format!(
            "{:?} {} {:?} {:?} {base:?}",
            options.place()?,
            options.database(),
            options.ca_file,
            options.admin
        );
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = known.get(&key).and_then(Weak::upgrade) {
            return Ok(server);
        }
        known.retain(|_, server| server.strong_count() > 0);
        let server = Arc::new(Self::new(options, base)?);
        known.insert(key, Arc::downgrade(&server));
        Ok(server)
    }

    fn new(options: &PostgresOptions, base: &Path) -> Result<Self> {
        environment::ensure_silent()?;
        Ok(Self {
            place: options.place()?,
            database: options.database().clone(),
            ca_file: options.ca_file.as_ref().map(|file| base.join(file)),
            user: options.admin.user.clone(),
            password: options.admin.password.clone(),
            base: base.to_owned(),
            slots: slots(&options.place()?),
            idle: Arc::default(),
        })
    }

    /// The database that consumers log in to.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// The driver's; one that is too late has no database error.
    pub(crate) async fn connect(
        &self,
        user: &str,
        password: &SecretValue,
    ) -> std::result::Result<PgConnection, sqlx::Error> {
        let options = self.connect_options(user, password)?;
        match tokio::time::timeout(CONNECT, options.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(late()),
        }
    }

    /// Everything that the driver would take from the environment is said, so that nothing of it counts here; what cannot
    /// be taken back was refused before (`environment`).
    pub(crate) fn connect_options(
        &self,
        user: &str,
        password: &SecretValue,
    ) -> std::result::Result<PgConnectOptions, sqlx::Error> {
        let text = password.expose_secret_str();
        let text = text.ok_or_else(|| sqlx::Error::Protocol("not text".to_owned()))?;
        let options = PgConnectOptions::new_without_pgpass()
            .host(&self.place.host)
            .port(self.place.port)
            .username(user)
            .password(text)
            .database(&self.database)
            .application_name(Session::OURS)
            .ssl_mode(match self.place.encrypted {
                true => PgSslMode::VerifyFull,
                false => PgSslMode::Disable,
            })
            .options(SESSION)
            // It would log statements that hold verifiers.
            .disable_statement_logging();
        Ok(match &self.ca_file {
            Some(file) => options.ssl_root_cert(file),
            None => options.ssl_root_cert_from_pem(Vec::new()),
        })
    }

    /// A connection of the admin.
    ///
    /// # Errors
    /// `Denied`: it is not let in. `Unavailable`: the server does not answer.
    pub(crate) async fn admin(&self) -> Result<Admin<'_>> {
        let slot = self.slot().await?;
        let kept = self.take();
        let was_kept = kept.is_some();
        let connection = match kept {
            Some(kept) => kept,
            None => self.connect_admin().await?,
        };
        Ok(Admin {
            server: self,
            connection,
            was_kept,
            _slot: slot,
        })
    }

    /// Waits until a call may be made.
    pub(crate) async fn slot(&self) -> Result<SemaphorePermit<'_>> {
        let slot = self.slots.acquire().await;
        slot.map_err(|_| Error::unavailable("the issuer is being shut down"))
    }

    async fn connect_admin(&self) -> Result<PgConnection> {
        let password = self.password.read(&self.base).await?;
        let connected = self.connect(&self.user, &password).await;
        connected.map_err(|error| refusal::of_admin(&error, &self.user))
    }

    fn take(&self) -> Option<PgConnection> {
        close_old(&self.idle);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.pop().map(|(_, connection)| connection)
    }
}

fn close_old(idle: &Idle) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    idle.retain(|(since, _)| since.elapsed() < KEPT);
}

/// Those of one address, for as long as anybody has them.
fn slots(place: &Place) -> Arc<Semaphore> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Weak<Semaphore>>>> = LazyLock::new(Mutex::default);
    let key = format!("{} {}", place.host, place.port);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(slots) = known.get(&key).and_then(Weak::upgrade) {
        return slots;
    }
    known.retain(|_, slots| slots.strong_count() > 0);
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    known.insert(key, Arc::downgrade(&slots));
    slots
}

/// A connection of the admin in use. Dropped it is closed, so that whatever was begun on it is undone by the server;
/// only [`Admin::keep`] lets the next one have it.
pub(crate) struct Admin<'s> {
    server: &'s Server,
    connection: PgConnection,
    was_kept: bool,
    _slot: SemaphorePermit<'s>,
}

impl Admin<'_> {
    /// The rows of statements that change nothing, in one round trip. A connection that was kept and broke meanwhile is
    /// replaced once.
    ///
    /// # Errors
    /// As [`refusal::of_statement`], with `doing`.
    pub(crate) async fn read(&mut self, sql: &str, doing: &str) -> Result<Vec<PgRow>> {
        let first = self.send(sql).await;
        let lost = matches!(&first, Err(error) if refusal::has_ended(error));
        let answer = if lost && self.was_kept {
            self.connection = self.server.connect_admin().await?;
            self.was_kept = false;
            self.send(sql).await
        } else {
            first
        };
        // From here on something may be open on it that another one would not have.
        self.was_kept = false;
        answer.map_err(|error| refusal::of_statement(&error, doing))
    }

    /// Statements that change something, sent once.
    ///
    /// # Errors
    /// As [`refusal::in_doubt`], with `doing`.
    pub(crate) async fn change(&mut self, sql: &str, doing: &str) -> Result<()> {
        let sent = self.send(sql).await;
        sent.map(drop)
            .map_err(|error| refusal::in_doubt(&error, doing))
    }

    async fn send(&mut self, sql: &str) -> std::result::Result<Vec<PgRow>, sqlx::Error> {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let answer = self.connection.fetch_all(statements);
        match tokio::time::timeout(STATEMENT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(late()),
        }
    }

    /// Lets the next one have the connection, or closes it after a while: no transaction is open on it.
    pub(crate) fn keep(self) {
        let idle = &self.server.idle;
        let mut kept = idle.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((Instant::now(), self.connection));
        let idle = Arc::downgrade(idle);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(idle) = idle.upgrade() {
                close_old(&idle);
            }
        });
    }
}

fn late() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
