//! What one environment's consumers may be reached by: hosts, names, programs.

use crate::config::{Hosts, addresses};
use async_trait::async_trait;
use keywheel_contract::{Consumer, Error, Result};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect, retry,
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// How long one request may take, from resolving the name to the last byte: less than the engine waits for a call
/// (10 s), so that what went wrong is told.
const PATIENCE: Duration = Duration::from_secs(8);

/// Turns a host name into addresses.
#[async_trait]
pub trait Names: Send + Sync {
    /// Every address of the host.
    ///
    /// # Errors
    /// The name does not exist, or nobody could be asked.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Finds the programs declared in `keywheel.toml`. Any closure of this shape is one.
pub trait Programs: Send + Sync {
    /// The program of that name.
    ///
    /// # Errors
    /// It is not declared, or may not be run.
    fn program(&self, name: &str) -> Result<Arc<dyn Consumer>>;
}

impl<F> Programs for F
where
    F: Fn(&str) -> Result<Arc<dyn Consumer>> + Send + Sync,
{
    fn program(&self, name: &str) -> Result<Arc<dyn Consumer>> {
        self(name)
    }
}

/// What the consumers of one environment may be reached by. Cheap to share, costly to make: one per
/// environment.
pub struct Reach {
    environment: String,
    hosts: Hosts,
    programs: Arc<dyn Programs>,
    patience: Duration,
    plain: Client,
    encrypted: Client,
}

impl Reach {
    /// Reach of the environment of that name.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): this machine offers no certificates to
    /// check TLS with.
    pub fn new(
        environment: impl Into<String>,
        hosts: Hosts,
        names: Arc<dyn Names>,
        programs: Arc<dyn Programs>,
    ) -> Result<Self> {
        Ok(Self {
            environment: environment.into(),
            hosts,
            programs,
            patience: PATIENCE,
            plain: client(Arc::clone(&names), Scope::Loopback)?,
            encrypted: client(names, Scope::Anywhere)?,
        })
    }

    /// The same with another limit for one request, from resolving the name to the last byte; 8 s otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    pub(super) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn program(&self, name: &str) -> Result<Arc<dyn Consumer>> {
        self.programs.program(name)
    }

    /// The client for addresses of that scope.
    pub(super) fn client(&self, scope: Scope) -> Client {
        match scope {
            Scope::Loopback => self.plain.clone(),
            Scope::Anywhere => self.encrypted.clone(),
        }
    }
}

/// Which addresses a request may go to; the ones always refused are refused in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// This machine only: the request is not encrypted.
    Loopback,
    /// Any host of the allow-list.
    Anywhere,
}

impl Scope {
    /// Passes the address, or says why it is refused.
    ///
    /// # Errors
    /// [`Denied`](keywheel_contract::ErrorKind::Denied).
    pub(super) fn check(self, host: &str, address: IpAddr) -> Result<()> {
        if let Some(why) = addresses::refusal(address) {
            return Err(Error::denied(format!(
                "{host} is {address}, which is {why}: such addresses are never spoken to"
            )));
        }
        if self == Self::Loopback && !addresses::is_loopback(address) {
            return Err(Error::denied(format!(
                "{host} is {address}, another machine, and plain http is for this machine only: use https"
            )));
        }
        Ok(())
    }
}

/// Every request gets a connection of its own, so that a load balancer shows another instance each time.
fn client(names: Arc<dyn Names>, scope: Scope) -> Result<Client> {
    Client::builder()
        .user_agent(concat!("keywheel/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .https_only(scope == Scope::Anywhere)
        .dns_resolver(Arc::new(Checked { names, scope }))
        .build()
        .map_err(|_| {
            Error::unavailable("no HTTP client: this machine's certificates cannot be loaded")
        })
}

/// Resolves and checks in one step: the addresses checked are the ones connected to, so a name that answers
/// differently a moment later gains nothing.
struct Checked {
    names: Arc<dyn Names>,
    scope: Scope,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, scope) = (Arc::clone(&self.names), self.scope);
        Box::pin(async move {
            let found = checked(names.as_ref(), scope, name.as_str()).await?;
            // Port 0 stands for the port of the URL.
            let sockets = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

/// All addresses pass or none is used: a name with one foot in a refused range is not trusted with the other.
async fn checked(names: &dyn Names, scope: Scope, host: &str) -> Result<Vec<IpAddr>> {
    let found = names.addresses(host).await.map_err(|error| {
        Error::unavailable(format!(
            "the name {host} cannot be resolved: {}",
            error.kind()
        ))
    })?;
    if found.is_empty() {
        return Err(Error::unavailable(format!(
            "the name {host} has no address"
        )));
    }
    for address in &found {
        scope.check(host, *address)?;
    }
    Ok(found)
}
