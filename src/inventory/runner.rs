//! A consumer that something runs which can restart it and tell since when it runs: a cluster, or systemd.

use super::definition::{NotifySpec, UnitBy, UnitSpec, VerifySpec, WorkloadSpec};
use super::resolve::Resolver;
use crate::config::file::{Entry, Problem, Table};
use crate::config::wrong_unit;

/// What runs a consumer, and as what.
#[derive(Debug, Clone)]
pub(super) enum Runner {
    Cluster(WorkloadSpec),
    Systemd(UnitSpec),
}

impl Runner {
    pub(super) fn tells(&self) -> NotifySpec {
        match self {
            Self::Cluster(workload) => NotifySpec::Workload(workload.clone()),
            Self::Systemd(unit) => NotifySpec::Unit(unit.clone()),
        }
    }

    pub(super) fn shows(self) -> VerifySpec {
        match self {
            Self::Cluster(workload) => VerifySpec::Workload(workload),
            Self::Systemd(unit) => VerifySpec::Unit(unit),
        }
    }
}

/// The keys of a consumer that name what runs it.
const RUNNERS: [&str; 2] = ["workload", "systemd"];

impl Resolver<'_> {
    /// What tells and shows it where `notify` and `verify` are left out; both have to be said where nothing does.
    pub(super) fn runner_of(&mut self, name: &str, entry: &Entry, table: &Table) -> Option<Runner> {
        let both = table.entry("notify").is_some() && table.entry("verify").is_some();
        let named = RUNNERS.into_iter();
        let named = named.filter_map(|key| Some((key, table.entry(key)?)));
        for (at, (key, runner)) in named.enumerate() {
            let message = match (both, at) {
                (true, _) => "does nothing where `notify` and `verify` are both said",
                (false, 0) => continue,
                (false, _) => "is one thing too many: either a cluster runs it, or systemd",
            };
            let message = format!("`{key}` {message}");
            self.problem(Some(Problem::at(&runner.key, message)));
        }
        if let Some(workload) = table.table("workload") {
            return self.workload(workload).map(Runner::Cluster);
        }
        if let Some(unit) = table.table("systemd") {
            return self.unit(unit, table).map(Runner::Systemd);
        }
        for (key, otherwise) in [
            ("notify", "notify = { none = \"why nothing need be done\" }"),
            ("verify", "verify = { none = \"why it cannot be seen\" }"),
        ] {
            self.said(name, entry, table, key, otherwise);
        }
        None
    }

    fn said(&mut self, name: &str, entry: &Entry, table: &Table, key: &str, otherwise: &str) {
        if table.entry(key).is_none() {
            let problem = Problem::at(&entry.key, format!("consumer `{name}` has no `{key}`"));
            self.problem(Some(
                problem.help(format!("say `{otherwise}` where there is none")),
            ));
        }
    }

    /// What `systemd` of a consumer says.
    fn unit(&mut self, table: &Table, consumer: &Table) -> Option<UnitSpec> {
        let named = [("restart", UnitBy::Restart), ("reload", UnitBy::Reload)];
        let mut named = named.into_iter();
        let (node, by) = named.find_map(|(key, by)| Some((table.node(key)?, by)))?;
        let name = self.filled(node.text()?);
        let problem = self.wrong_to_run(&name);
        self.problem(
            problem.map(|(message, help)| Problem::at(&node.place, message).maybe_help(help)),
        );
        self.one_instance(consumer);
        Some(UnitSpec { name, by })
    }

    /// Why a service may not be named, if so, and what to do.
    fn wrong_to_run(&self, name: &str) -> Option<(String, Option<String>)> {
        if !cfg!(feature = "systemd") {
            return Some(("this build knows nothing of systemd".to_owned(), None));
        }
        if let Some(wrong) = wrong_unit(name) {
            return Some((wrong, None));
        }
        let environment = self.layered.id.environment();
        let units = self.around.config.units.get(environment);
        (!units.is_some_and(|units| units.allow(name))).then(|| {
            let message = format!("unit `{name}` is not allowed for `{environment}`");
            let help = format!("add it to `units.{environment}` in keywheel.toml");
            (message, Some(help))
        })
    }

    /// A service is on this machine, once.
    fn one_instance(&mut self, consumer: &Table) {
        let many = consumer.count("instances").is_some_and(|count| count > 1);
        let seen_by_systemd = consumer.entry("verify").is_none();
        let entry = consumer.entry("instances");
        if let Some(entry) = entry.filter(|_| many && seen_by_systemd) {
            let message = "a service of systemd is one instance: list one consumer for each";
            self.problem(Some(Problem::at(&entry.key, message)));
        }
    }
}

#[cfg(test)]
#[cfg(feature = "systemd")]
mod tests {
    use super::super::definition::{NotifySpec, UnitBy, VerifySpec};
    use super::super::testing::Files;
    use crate::inventory::Snapshot;

    const KEYWHEEL: &str = "journal = \"sqlite://keywheel.db\"\nseal = { key_file = \"seal.key\" }\n\
        programs.check-app = { path = \"/opt/check-app\" }\n\
        units = { production = [\"orders.service\", \"worker@*.service\"], staging = [\"web.service\"] }\n";

    fn read(consumer: &str) -> Result<Snapshot, String> {
        let team = format!(
            "[secrets.a]\nissuer = {{ use = \"people\" }}\npublish_to = [{{ store = \"main\", path = \"a\" }}]\n\
             consumers.api = {{ proof = \"restarted\", {consumer} }}\n"
        );
        let read = Files::usual()
            .with("keywheel.toml", KEYWHEEL)
            .with("inventory/production/team.toml", &team)
            .read();
        read.map_err(|problems| {
            let each = problems.iter().map(ToString::to_string);
            each.collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn a_service_is_told_and_seen_by_systemd() {
        let snapshot = read("systemd = { restart = \"orders.service\" }").unwrap();
        let spec = &snapshot.definitions[0].consumers["api"];
        let NotifySpec::Unit(unit) = &spec.notify else {
            panic!("{:?}", spec.notify);
        };
        assert_eq!(
            (unit.name.as_str(), unit.by),
            ("orders.service", UnitBy::Restart)
        );
        assert!(matches!(&spec.verify, VerifySpec::Unit(seen) if seen == unit));
        // What is said besides replaces that half.
        let probed = "systemd = { reload = \"worker@1.service\" }, verify = { exec = \"check-app\", instances = 2 }";
        let snapshot = read(probed).unwrap();
        let spec = &snapshot.definitions[0].consumers["api"];
        assert!(matches!(&spec.notify, NotifySpec::Unit(unit) if unit.by == UnitBy::Reload));
        assert!(matches!(spec.verify, VerifySpec::Exec { .. }));
    }

    #[test]
    fn what_cannot_work_is_said_by_the_check() {
        for (consumer, words) in [
            (
                "systemd = { restart = \"web.service\" }",
                "add it to `units.production` in keywheel.toml",
            ),
            (
                "systemd = { restart = \"worker@.service\" }",
                "name an instance",
            ),
            ("systemd = { restart = \"orders.socket\" }", "NAME.service"),
            ("systemd = { }", "exactly one of"),
            (
                "systemd = { restart = \"orders.service\", reload = \"orders.service\" }",
                "exactly one of",
            ),
            (
                "systemd = { restart = \"orders.service\" }, instances = 2",
                "one instance",
            ),
            (
                "systemd = { restart = \"orders.service\" }, workload = { kubernetes = \"a/deployment/b\" }",
                "`systemd` is one thing too many",
            ),
            (
                "systemd = { restart = \"orders.service\" }, notify = { none = \"example\" }, verify = { exec = \"check-app\" }",
                "`systemd` does nothing",
            ),
        ] {
            let said = read(consumer).err().unwrap_or_default();
            assert!(said.contains(words), "{consumer}: {said}");
        }
    }
}
