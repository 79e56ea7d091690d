//! Consumer `workload`: a Deployment, `StatefulSet` or `DaemonSet`.
//!
//! It is told by an annotation of its pod template with the version that is now served, the rotation that asks and the
//! credential that the version holds: a new one starts a rollout, the same one changes nothing. It is seen by its pods: each carries the annotation of the
//! template that it was started from. Evidence is `restarted`, and only once the rollout is done; that a process really
//! read the value, no cluster can tell.

mod examine;
mod judge;
mod place;
mod rollout;
mod told;

use self::judge::{annotation, judge, mark};
use self::place::Named;
use self::rollout::rollout;
use self::told::{Pod, Pods, Told};
use crate::cluster::JSON;
use crate::fields::OWNER;
use crate::options::KubernetesOptions;
use crate::refusal::parse;
use crate::transport::{Form, Transport};
use async_trait::async_trait;
use keywheel_contract::{
    Consumer, ConsumerCapabilities, Error, Examination, Notice, Observation, Question, Result,
    Strength,
};
use keywheel_http_client::Effect;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use zeroize::Zeroizing;

/// Pods in one answer.
const PAGE: &str = "500";
/// More pages than this are no workload that can be proven pod by pod.
const PAGES: usize = 20;

/// One workload of a cluster.
pub struct Workload {
    transport: Transport,
    named: Named,
}

impl Workload {
    /// The workload `namespace/kind/name` of that cluster; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the name or the options cannot work, or `ca_file` holds no certificate.
    pub fn new(options: &KubernetesOptions, base: &Path, name: &str) -> Result<Self> {
        Ok(Self {
            named: Named::read(name)?,
            transport: Transport::new(options, base)?,
        })
    }

    /// Whether a name names a workload.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(name: &str) -> Result<()> {
        Named::read(name).map(drop)
    }

    async fn told(&self) -> Result<Told> {
        let answer = self.transport.get(&self.named.url(), &[], JSON).await?;
        parse(
            &answer,
            &format!("looking at {}", self.named),
            Effect::Reads,
        )
    }

    /// Every pod of it that may still run.
    async fn pods(&self, told: &Told) -> Result<Vec<Pod>> {
        let selector = told.spec.selector.query().ok_or_else(|| {
            Error::invalid(format!(
                "{} selects its pods in a way that is not known here",
                self.named
            ))
        })?;
        let what = format!("listing the pods of {}", self.named);
        let (mut pods, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let mut query = vec![("labelSelector", selector.as_str()), ("limit", PAGE)];
            if !next.is_empty() {
                query.push(("continue", next.as_str()));
            }
            let answer = self.transport.get(&self.named.pods(), &query, JSON).await?;
            let page: Pods = parse(&answer, &what, Effect::Reads)?;
            pods.extend(page.items.into_iter().flatten().filter(Pod::lives));
            if page.metadata.next.is_empty() {
                return Ok(pods);
            }
            next = page.metadata.next;
        }
        Err(Error::invalid(format!("{what}: there are more than 10000")))
    }
}

#[async_trait]
impl Consumer for Workload {
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: Some(Strength::Restarted),
            notifies: true,
            host_bound: false,
        }
    }

    async fn notify(&self, notice: &Notice) -> Result<()> {
        let name = annotation(notice.id.as_str(), &notice.destination);
        let marks = json!({ name: mark(notice) });
        let patch = json!({ "spec": { "template": { "metadata": { "annotations": marks } } } });
        let body = Zeroizing::new(patch.to_string().into_bytes());
        let (url, what) = (self.named.url(), format!("restarting {}", self.named));
        let sent = (Form::Merge, body);
        let answer = self
            .transport
            .put(Method::PATCH, &url, &[OWNER], sent, Effect::Changes)
            .await?;
        match answer.status {
            409 => Err(Error::unavailable(format!(
                "{what}: it changed at the same moment"
            ))),
            _ if answer.is_success() => Ok(()),
            _ => Err(answer.refusal(&what, Effect::Changes)),
        }
    }

    async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
        // The pods last: what is seen of them is at least as new as the rollout.
        let told = self.told().await?;
        let rollout = rollout(self.named.kind, &told);
        let pods = self.pods(&told).await?;
        if pods.is_empty() {
            return Err(Error::unavailable(format!(
                "{} has no pods, so that nobody can be seen: scale it up, or vouch for it",
                self.named
            )));
        }
        Ok(pods
            .iter()
            .map(|pod| judge(pod, &rollout, question))
            .collect())
    }

    async fn examine(&self) -> Examination {
        self.examined().await
    }
}
