//! Whether a workload could be told and seen, by calls that change nothing.

use super::Workload;
use super::rollout::{Rollout, rollout};
use crate::examine::clock;
use crate::rights::Wish;
use keywheel_contract::{Examination, Finding, Result, Verdict};

impl Workload {
    pub(super) async fn examined(&self) -> Examination {
        let (_, date) = self.transport.identity().await;
        let mut findings = vec![self.reachable().await, clock(date.as_deref())];
        let name = self.named.to_string();
        let here = |verb| self.wish(verb, "apps", self.named.kind.resource(), &self.named.name);
        for wish in [
            here("get"),
            here("patch"),
            self.wish("list", "", "pods", ""),
        ] {
            findings.push(self.transport.right(wish, &name).await);
        }
        Examination {
            findings,
            policy: Some(self.role()),
        }
    }

    fn wish<'a>(
        &'a self,
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        name: &'a str,
    ) -> Wish<'a> {
        Wish {
            namespace: &self.named.namespace,
            verb,
            group,
            resource,
            name,
        }
    }

    /// A rollout that is stuck before anything is rotated would be taken for one that a rotation broke.
    async fn reachable(&self) -> Finding {
        let about = format!("reachable: {}", self.named);
        match self.state().await {
            Ok((pods, Rollout::Done)) => {
                Finding::new(about, Verdict::Good, format!("{pods} pods, rolled out"))
            }
            Ok((pods, Rollout::Moving(why))) => Finding::new(
                about,
                Verdict::Warning,
                format!("{pods} pods, rolling out: {why}"),
            ),
            Ok((_, Rollout::Stuck(why))) => Finding::new(about, Verdict::Missing, why),
            Err(error) => Finding::new(about, Verdict::Missing, error.message),
        }
    }

    async fn state(&self) -> Result<(usize, Rollout)> {
        let told = self.told().await?;
        let pods = self.pods(&told).await?;
        Ok((pods.len(), rollout(self.named.kind, &told)))
    }

    fn role(&self) -> String {
        let (namespace, resource) = (&self.named.namespace, self.named.kind.resource());
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: keywheel-{}\n  namespace: \
             {namespace}\nrules:\n- apiGroups: [\"apps\"]\n  resources: [\"{resource}\"]\n  resourceNames: [\"{}\"]\n  \
             verbs: [\"get\", \"patch\"]\n- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]\n",
            self.named.name, self.named.name
        )
    }
}
