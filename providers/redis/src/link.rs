//! One connection to the server, bounded in every wait, and what can go wrong on it.

use crate::options::RedisOptions;
use crate::tls;
use keywheel_contract::{Error, ErrorKind, Result, SecretValue};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, RedisConnectionInfo, RedisError,
};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long connecting may take, TLS included.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long one answer may take: saving many users to a slow disk is the longest of all we ask.
const ANSWERING: Duration = Duration::from_secs(10);

/// Where the server is.
pub(crate) struct Address {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why a command brought nothing.
pub(crate) enum Trouble {
    /// The server said no; the code is its own word.
    Refused(RedisError),
    /// No answer, or one that is not understood: a change may have happened.
    Lost,
}

/// A connection; it closes when this is dropped.
pub(crate) struct Link {
    connection: MultiplexedConnection,
    driver: AbortHandle,
    /// Our end, as the server sees it where nothing translates addresses in between.
    pub(crate) from: Option<SocketAddr>,
}

impl Address {
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub(crate) fn new(options: &RedisOptions, base: &Path) -> Result<Self> {
        let place = options.place()?;
        let tls = match place.encrypted {
            false => None,
            true => {
                let name = ServerName::try_from(place.host.clone())
                    .map_err(|_| Error::invalid("`address` is not a name that TLS can check"))?;
                let file = options.ca_file.as_ref().map(|file| base.join(file));
                Some((tls::connector(file.as_deref())?, name))
            }
        };
        Ok(Self {
            host: place.host,
            port: place.port,
            tls,
        })
    }

    /// A new connection, as nobody yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn connect(&self) -> Result<Link> {
        let away = |why: String| Error::unavailable(format!("{self} {why}"));
        match timeout(CONNECTING, self.open()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(why)) => Err(away(format!("cannot be connected to: {why}"))),
            Err(_) => Err(away("does not answer".to_owned())),
        }
    }

    async fn open(&self) -> std::io::Result<Link> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let from = stream.local_addr().ok();
        match &self.tls {
            None => Link::over(stream, from).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Link::over(stream, from).await
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "redis at {}:{}", self.host, self.port)
    }
}

impl Link {
    async fn over<S>(stream: S, from: Option<SocketAddr>) -> std::io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Nothing is sent to begin with: who is not logged in may say nothing but AUTH.
        let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = MultiplexedConnection::new_with_config(&silent, stream, config).await;
        let (connection, driver) = made.map_err(|_| std::io::ErrorKind::InvalidData)?;
        Ok(Self {
            connection,
            driver: tokio::spawn(driver).abort_handle(),
            from,
        })
    }

    /// Logs in. The driver's copy of the password lives as long as the command.
    pub(crate) async fn login(
        &mut self,
        user: &str,
        password: &SecretValue,
    ) -> std::result::Result<(), Trouble> {
        let mut command = redis::cmd("AUTH");
        command.arg(user).arg(password.expose_secret());
        self.ask(&command).await
    }

    /// One command and its answer.
    pub(crate) async fn ask<T: FromRedisValue>(
        &mut self,
        command: &Cmd,
    ) -> std::result::Result<T, Trouble> {
        answered(timeout(ANSWERING, command.query_async(&mut self.connection)).await)
    }

    /// Commands that happen together or not at all.
    pub(crate) async fn together(
        &mut self,
        commands: &Pipeline,
    ) -> std::result::Result<(), Trouble> {
        answered(timeout(ANSWERING, commands.query_async(&mut self.connection)).await)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn answered<T>(
    answer: std::result::Result<redis::RedisResult<T>, tokio::time::error::Elapsed>,
) -> std::result::Result<T, Trouble> {
    match answer {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(error)) if error.code().is_some() => Err(Trouble::Refused(error)),
        Ok(Err(_)) | Err(_) => Err(Trouble::Lost),
    }
}

impl Trouble {
    /// Whether the server's answer begins with this word.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(error) if error.code() == Some(code))
    }

    /// Whether the server's answer has these words; they are compared and never shown, for it repeats what it was told.
    pub(crate) fn says(&self, words: &str) -> bool {
        let Self::Refused(error) = self else {
            return false;
        };
        error.detail().is_some_and(|detail| detail.contains(words))
    }

    /// What a failed command means, in words of our own.
    pub(crate) fn error(&self, address: &Address, command: &str, effect: Effect) -> Error {
        let code = match self {
            Self::Refused(error) => error.code().unwrap_or_default(),
            Self::Lost if effect == Effect::Changes => {
                let message = format!("{address} did not answer `{command}`: it may have happened");
                return Error::unknown_outcome(message);
            }
            Self::Lost => {
                return Error::unavailable(format!("{address} did not answer `{command}`"));
            }
        };
        let (kind, why) = meaning(code);
        Error::new(kind, format!("{address} refused `{command}`: {why}"))
    }
}

/// Whether a command whose answer is missing may have changed something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Not at all.
    Reads,
    /// Perhaps.
    Changes,
}

/// The first words of Redis's errors (`shared.*err`, `src/server.c`).
fn meaning(code: &str) -> (ErrorKind, &'static str) {
    match code {
        // A transaction is given up when one of its commands is refused; ours are, for want of rights only.
        "NOPERM" | "EXECABORT" => (
            ErrorKind::Denied,
            "`admin` may not: the rights it needs stand in docs/providers/redis.md",
        ),
        "NOAUTH" | "WRONGPASS" => (
            ErrorKind::Denied,
            "the name or password of `admin` is wrong, or it is off",
        ),
        "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" => {
            (ErrorKind::Unavailable, "it is not ready")
        }
        "MISCONF" => (ErrorKind::Unavailable, "it cannot write to its disk"),
        "ERR" => (ErrorKind::Unavailable, "it gave no reason that we know"),
        _ => (ErrorKind::Unavailable, "for a reason we do not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;
    use keywheel_contract::ErrorKind;

    #[test]
    fn what_a_person_must_mend_is_not_tried_again() {
        for (code, kind) in [
            ("NOPERM", ErrorKind::Denied),
            ("EXECABORT", ErrorKind::Denied),
            ("WRONGPASS", ErrorKind::Denied),
            ("LOADING", ErrorKind::Unavailable),
            ("ERR", ErrorKind::Unavailable),
            ("NEW", ErrorKind::Unavailable),
        ] {
            assert_eq!(meaning(code).0, kind, "{code}");
        }
    }
}
