//! A consumer that is a workload of a cluster: told and seen through the cluster that a store names.

use super::definition::{StoreSpec, WorkloadSpec};
use super::resolve::Resolver;
use super::world::unknown;
use crate::config::file::{Node, Problem, Table, listed};

/// The kind of store whose settings say how a cluster is reached.
const CLUSTER: &str = "kubernetes";

impl Resolver<'_> {
    /// What `workload` of a consumer says.
    pub(super) fn workload(&mut self, table: &Table) -> Option<WorkloadSpec> {
        let node = table.node("kubernetes")?;
        let name = self.filled(node.text()?);
        let problem = wrong_name(&name).map(|why| Problem::at(&node.place, why));
        self.problem(problem);
        let cluster = match table.node("cluster") {
            Some(cluster) => self.cluster_named(cluster)?,
            None => self.only_cluster(node)?,
        };
        self.try_out_store(&cluster);
        self.store_addresses(&cluster);
        Some(WorkloadSpec { cluster, name })
    }

    fn cluster_named(&mut self, node: &Node) -> Option<StoreSpec> {
        let known = &self.around.scope.stores;
        let problem = unknown("store", node, known);
        let spec = self.around.scope.store(node.text()?);
        if problem.is_some() {
            self.problem(problem);
            return None;
        }
        if spec.kind != CLUSTER {
            let message = format!(
                "store `{}` is of kind `{}`, not `{CLUSTER}`",
                spec.name, spec.kind
            );
            let help = self.clusters_known();
            self.problem(Some(Problem::at(&node.place, message).help(help)));
            return None;
        }
        Some(spec)
    }

    fn only_cluster(&mut self, node: &Node) -> Option<StoreSpec> {
        let mut clusters = self.clusters();
        if clusters.len() == 1 {
            return clusters.pop();
        }
        let message = match clusters.len() {
            0 => "no store says how the cluster is reached",
            _ => "in which cluster? there are several",
        };
        let help = self.clusters_known();
        self.problem(Some(Problem::at(&node.place, message).help(help)));
        None
    }

    fn clusters(&self) -> Vec<StoreSpec> {
        let all = self.around.scope.every_store().into_values();
        all.filter(|store| store.kind == CLUSTER).collect()
    }

    fn clusters_known(&self) -> String {
        let clusters = self.clusters();
        let names: Vec<&str> = clusters.iter().map(|store| store.name.as_str()).collect();
        match names[..] {
            [] => format!(
                "add `[stores.NAME]` with `kind = \"{CLUSTER}\"`, and say `cluster = \"NAME\"`"
            ),
            _ => format!("say `cluster`: {}", listed(names.iter().copied())),
        }
    }
}

#[cfg(feature = "kubernetes")]
fn wrong_name(name: &str) -> Option<String> {
    let checked = keywheel_provider_kubernetes::Workload::check(name);
    checked.err().map(|error| error.to_string())
}

/// Without clusters in this build there is no store of that kind either, which is told.
#[cfg(not(feature = "kubernetes"))]
fn wrong_name(_: &str) -> Option<String> {
    None
}

#[cfg(test)]
#[cfg(feature = "kubernetes")]
mod tests {
    use super::super::definition::{NotifySpec, VerifySpec};
    use super::super::testing::Files;
    use crate::inventory::Snapshot;

    const CLUSTER: &str = "kind = \"kubernetes\"\n";
    const API: &str = "kubernetes = \"orders/deployment/api\"";

    /// A secret whose consumer says this of its workload, with stores besides `main`.
    fn read(stores: &str, consumer: &str) -> Result<Snapshot, String> {
        let environment = format!(
            "environment = \"production\"\ndefaults = {{ owner = \"ml\", schedule = \"production\" }}\n\
             [stores.main]\nkind = \"files\"\nroot = \"/srv/secrets\"\n{stores}\n"
        );
        let team = format!(
            "[secrets.a]\nissuer = {{ use = \"people\" }}\npublish_to = [{{ store = \"main\", path = \"a\" }}]\n\
             consumers.api = {{ proof = \"restarted\", {consumer} }}\n"
        );
        let read = Files::usual()
            .with("inventory/production/environment.toml", &environment)
            .with("inventory/production/team.toml", &team)
            .read();
        read.map_err(|problems| {
            let each = problems.iter().map(ToString::to_string);
            each.collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_workload_is_told_and_seen_through_the_only_cluster() {
        let one = format!("[stores.k8s]\n{CLUSTER}");
        let snapshot = read(&one, &format!("workload = {{ {API} }}")).unwrap();
        let spec = &snapshot.definitions[0].consumers["api"];
        let NotifySpec::Workload(notify) = &spec.notify else {
            panic!("{:?}", spec.notify);
        };
        assert_eq!(
            (notify.cluster.name.as_str(), notify.name.as_str()),
            ("k8s", "orders/deployment/api")
        );
        assert!(matches!(&spec.verify, VerifySpec::Workload(seen) if seen == notify));
        // What is said besides replaces that half.
        let probed = format!("workload = {{ {API} }}, verify = {{ exec = \"check-app\" }}");
        let snapshot = read(&one, &probed).unwrap();
        let spec = &snapshot.definitions[0].consumers["api"];
        assert!(matches!(spec.notify, NotifySpec::Workload(_)));
        assert!(matches!(spec.verify, VerifySpec::Exec { .. }));
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        let one = format!("[stores.k8s]\n{CLUSTER}");
        let two = format!("{one}[stores.other]\n{CLUSTER}");
        let away = format!(
            "{one}address = \"https://elsewhere.example.com\"\ntoken = {{ env = \"T\" }}\n"
        );
        let named = |name: &str| format!("workload = {{ {API}, cluster = \"{name}\" }}");
        let alone = format!("workload = {{ {API} }}");
        for (stores, consumer, words) in [
            (
                &one,
                "workload = { kubernetes = \"orders/pod/api\" }".to_owned(),
                "namespace/deployment/name",
            ),
            (
                &one,
                "workload = { cluster = \"k8s\" }".to_owned(),
                "kubernetes",
            ),
            (&one, named("k8"), "did you mean `k8s`?"),
            (&one, named("main"), "is of kind `files`"),
            (&String::new(), alone.clone(), "kind = \"kubernetes\""),
            (&two, alone.clone(), "`k8s`, `other`"),
            (&away, alone.clone(), "is not allowed for `production`"),
        ] {
            let said = read(stores, &consumer).err().unwrap_or_default();
            assert!(said.contains(words), "{stores} {consumer}: {said}");
        }
        assert_eq!(read(&two, &named("other")).err(), None);
    }
}
