//! Tells a consumer that a new value is there, and sees which one it holds.
//!
//! An inventory entry names two halves, how a consumer is *notified* and how it is *verified*; [`build`] joins
//! them behind the contract's [`Consumer`]. An inventory is edited by many hands while addresses and programs
//! are reached with the daemon's rights, so what may be reached is decided elsewhere and handed in as
//! [`Reach`].
//!
//! Seeing is not judging: an observation says what one instance holds and how we know, and the caller decides
//! whether that is enough to end a credential.

mod answer;
mod ask;
mod attest;
mod bearer;
mod endpoint;
mod failure;
mod file;
mod process;
mod reach;
mod sessions;

pub use attest::{Postbox, Posted};
pub use reach::{Names, Programs, Reach, SystemNames};

use crate::inventory::{ConsumerSpec, NotifySpec, VerifySpec};
use async_trait::async_trait;
use endpoint::Endpoint;
use file::WatchedFile;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Error, Examination, Issuer, Notice, Observation, Question,
    Result, Strength,
};
use serde::Serialize;
use sessions::Sessions;
use std::sync::Arc;

/// What a consumer is told and seen by.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// What its environment may reach.
    pub reach: &'a Reach,
    /// Who honours the secret, and knows who is logged in with it.
    pub issuer: Option<&'a Arc<dyn Issuer>>,
    /// What consumers posted by themselves.
    pub postbox: Option<&'a Arc<dyn Postbox>>,
    /// The workload of a cluster or the service of systemd that `spec` names, where it names one.
    pub workload: Option<&'a Arc<dyn Consumer>>,
}

impl<'a> From<&'a Reach> for Means<'a> {
    fn from(reach: &'a Reach) -> Self {
        Self {
            reach,
            issuer: None,
            postbox: None,
            workload: None,
        }
    }
}

/// The consumer that `spec` describes, by these means.
///
/// # Errors
/// [`Denied`](keywheel_contract::ErrorKind::Denied): a host is not allowed, or is never allowed.
/// [`Invalid`](keywheel_contract::ErrorKind::Invalid): an address cannot be used, more than one instance is to be
/// seen through one file, or the issuer does not tell sessions apart. Whatever `means` say about a program they do
/// not know.
pub fn build<'a>(spec: &ConsumerSpec, means: impl Into<Means<'a>>) -> Result<Arc<dyn Consumer>> {
    let means = means.into();
    Ok(Arc::new(Halves {
        notify: notify_half(&spec.notify, means)?,
        verify: verify_half(spec, means)?,
    }))
}

fn notify_half(spec: &NotifySpec, means: Means<'_>) -> Result<Notify> {
    Ok(match spec {
        NotifySpec::Http { url, bearer } => {
            Notify::Http(Endpoint::new(url, bearer.as_ref(), means.reach)?)
        }
        NotifySpec::Exec { program } => Notify::Program(means.reach.program(program)?),
        NotifySpec::Workload(_) | NotifySpec::Unit(_) => Notify::Workload(workload(means)?),
        NotifySpec::None { .. } => Notify::Nothing,
    })
}

fn verify_half(spec: &ConsumerSpec, means: Means<'_>) -> Result<Verify> {
    Ok(match &spec.verify {
        VerifySpec::Http { url, bearer } => {
            Verify::Http(Endpoint::new(url, bearer.as_ref(), means.reach)?)
        }
        VerifySpec::Exec { program } => Verify::Program(means.reach.program(program)?),
        VerifySpec::File { .. } if spec.instances > 1 => {
            return Err(Error::invalid(format!(
                "a file shows one instance and {} are expected: list one consumer per file",
                spec.instances
            )));
        }
        VerifySpec::File {
            path,
            pid_file,
            reloaded_file,
        } => Verify::File(WatchedFile::new(
            path,
            pid_file.as_deref(),
            reloaded_file.as_deref(),
        )),
        VerifySpec::Sessions { application, from } => Verify::Sessions(Sessions::new(
            means.issuer,
            application.as_deref(),
            from.as_deref(),
        )?),
        VerifySpec::Attest => Verify::Attested(Arc::clone(means.postbox.ok_or_else(|| {
            Error::invalid("there is no place here where what consumers attest is kept")
        })?)),
        VerifySpec::Workload(_) | VerifySpec::Unit(_) => Verify::Workload(workload(means)?),
        VerifySpec::None { .. } => Verify::Nothing,
    })
}

fn workload(means: Means<'_>) -> Result<Arc<dyn Consumer>> {
    let workload = means.workload.map(Arc::clone);
    workload.ok_or_else(|| Error::invalid("there is nothing here that runs this workload"))
}

/// How a consumer is told.
enum Notify {
    Http(Endpoint),
    Program(Arc<dyn Consumer>),
    Workload(Arc<dyn Consumer>),
    Nothing,
}

/// How a consumer is seen.
enum Verify {
    Http(Endpoint),
    Program(Arc<dyn Consumer>),
    File(WatchedFile),
    Sessions(Sessions),
    Attested(Arc<dyn Postbox>),
    Workload(Arc<dyn Consumer>),
    Nothing,
}

struct Halves {
    notify: Notify,
    verify: Verify,
}

#[async_trait]
impl Consumer for Halves {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: self.verify.strongest(),
            notifies: self.notify.notifies(),
            host_bound: self.notify.host_bound() || self.verify.host_bound(),
        }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        match &self.notify {
            Notify::Http(endpoint) => endpoint.tell(&Told::from(notice)).await,
            Notify::Program(other) | Notify::Workload(other) => other.notify(notice).await,
            Notify::Nothing => Ok(()),
        }
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        match &self.verify {
            Verify::Http(endpoint) => ask::every_instance(endpoint, question).await,
            Verify::Program(other) | Verify::Workload(other) => other.observe(question).await,
            Verify::File(file) => file.observe(question).await.map(|seen| vec![seen]),
            Verify::Sessions(sessions) => sessions.observe(question).await,
            Verify::Attested(postbox) => attest::observe(postbox, question).await,
            Verify::Nothing => Ok(Vec::new()),
        }
    }

    async fn examine(&self) -> Examination {
        match (&self.notify, &self.verify) {
            (Notify::Workload(other), _) | (_, Verify::Workload(other)) => other.examine().await,
            _ => Examination::default(),
        }
    }
}

impl Notify {
    fn notifies(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Program(other) | Self::Workload(other) => other.capabilities().notifies,
            Self::Nothing => false,
        }
    }

    fn host_bound(&self) -> bool {
        match self {
            Self::Http(endpoint) => endpoint.host_bound(),
            Self::Program(other) | Self::Workload(other) => other.capabilities().host_bound,
            Self::Nothing => false,
        }
    }
}

impl Verify {
    fn strongest(&self) -> Option<Strength> {
        match self {
            Self::Http(_) | Self::Sessions(_) | Self::Attested(_) => Some(Strength::Proven),
            Self::Program(other) | Self::Workload(other) => other.capabilities().strongest,
            Self::File(file) => Some(file.strongest()),
            Self::Nothing => None,
        }
    }

    fn host_bound(&self) -> bool {
        match self {
            Self::Http(endpoint) => endpoint.host_bound(),
            Self::Program(other) | Self::Workload(other) => other.capabilities().host_bound,
            Self::File(_) => true,
            Self::Sessions(sessions) => sessions.host_bound(),
            Self::Attested(_) | Self::Nothing => false,
        }
    }
}

/// A notice as it is sent: what changed and where, never the value.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    destination: &'a str,
    consumer: &'a str,
    version: &'a str,
    rotation: &'a str,
}

impl<'a> From<&'a Notice> for Told<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self {
            id: notice.id.as_str(),
            destination: &notice.destination,
            consumer: &notice.consumer,
            version: notice.version.as_str(),
            rotation: notice.rotation.as_str(),
        }
    }
}

/// Compiles and runs the Rust of the document.
#[cfg(doctest)]
#[doc = include_str!("../../docs/handshake.md")]
struct HandshakeDocument;
