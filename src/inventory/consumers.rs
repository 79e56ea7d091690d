//! Who uses a secret: how each consumer is told and seen, and whether that can ever be proof enough.

use super::addresses::wrong_address;
use super::definition::{ConsumerSpec, Destination, NotifySpec, Reference, Role, VerifySpec};
use super::issuer::FoundIssuer;
use super::resolve::Resolver;
use super::world::unknown_name;
use crate::config::file::{Entry, Problem, Table, Tree};
use keywheel_contract::Strength;
use std::collections::BTreeMap;

impl Resolver<'_> {
    /// Every consumer by name. `asked` is the schedule's weakest evidence, where the schedule is known.
    pub(super) fn consumers(
        &mut self,
        issuer: &FoundIssuer,
        destinations: &[Destination],
        asked: Option<Strength>,
    ) -> BTreeMap<String, ConsumerSpec> {
        let layered = self.layered;
        let mut consumers = BTreeMap::new();
        for (name, entry) in layered.table.entries("consumers") {
            if let Some(table) = entry.node.table() {
                let consumer = self.consumer(name, entry, table, destinations);
                self.can_be_proven(name, entry, &consumer, asked);
                consumers.insert(name.to_owned(), consumer);
            }
        }
        self.sessions_tell(issuer, &consumers);
        self.somebody_listed(&consumers);
        self.too_many_canaries(&consumers);
        consumers
    }

    fn consumer(
        &mut self,
        name: &str,
        entry: &Entry,
        table: &Table,
        destinations: &[Destination],
    ) -> ConsumerSpec {
        let (notify, verify) = (table.table("notify"), table.table("verify"));
        let runner = self.runner_of(name, entry, table);
        ConsumerSpec {
            canary: table.flag("canary"),
            role: role(table),
            reads: self.reads(table, destinations),
            notify: match (notify, &runner) {
                (Some(table), _) => self.notify(table),
                (None, Some(runner)) => runner.tells(),
                (None, None) => nothing(),
            },
            verify: match (verify, runner) {
                (Some(table), _) => self.verify(table),
                (None, Some(runner)) => runner.shows(),
                (None, None) => unseen(),
            },
            instances: self.instances(table, verify),
            proof: table.text("proof").and_then(Strength::from_word),
        }
    }

    fn notify(&mut self, table: &Table) -> NotifySpec {
        match (table.text("http"), table.text("exec")) {
            (Some(_), _) => NotifySpec::Http {
                url: self.address(table),
                bearer: reference(table.table("bearer")),
            },
            (None, Some(program)) => {
                self.declared(table);
                NotifySpec::Exec {
                    program: program.to_owned(),
                }
            }
            (None, None) => NotifySpec::None {
                why: self.why(table),
            },
        }
    }

    fn verify(&mut self, table: &Table) -> VerifySpec {
        self.fits_kind(table);
        if table.text("http").is_some() {
            return VerifySpec::Http {
                url: self.address(table),
                bearer: reference(table.table("bearer")),
            };
        }
        if let Some(program) = table.text("exec") {
            self.declared(table);
            return VerifySpec::Exec {
                program: program.to_owned(),
            };
        }
        if let Some(entry) = table.entry("attest") {
            self.somewhere_to_attest(entry);
            return VerifySpec::Attest;
        }
        let filled = |key: &str| table.text(key).map(|text| self.filled(text));
        if table.entry("sessions").is_some() {
            return VerifySpec::Sessions {
                application: filled("application"),
                from: filled("from"),
            };
        }
        match filled("file") {
            Some(path) => VerifySpec::File {
                path,
                pid_file: filled("pid_file"),
                reloaded_file: filled("reloaded_file"),
            },
            None => VerifySpec::None {
                why: self.why(table),
            },
        }
    }

    /// Keys that belong to another way of seeing would be ignored.
    fn fits_kind(&mut self, table: &Table) {
        for (key, way) in [
            ("bearer", "http"),
            ("pid_file", "file"),
            ("reloaded_file", "file"),
            ("application", "sessions"),
            ("from", "sessions"),
        ] {
            if let (Some(entry), None) = (table.entry(key), table.entry(way)) {
                let message = format!("`{key}` goes with `{way}` only");
                self.problem(Some(Problem::at(&entry.key, message)));
            }
        }
        for key in ["attest", "sessions"] {
            if let Some(entry) = table.entry(key)
                && matches!(entry.node.tree, Tree::Flag(false))
            {
                let message = format!("`{key}` is either `true` or left out");
                self.problem(Some(Problem::at(&entry.key, message)));
            }
        }
    }

    fn somewhere_to_attest(&mut self, entry: &Entry) {
        if self.around.config.listen.is_none() {
            let message = "a consumer attests to the daemon, which listens nowhere";
            let problem = Problem::at(&entry.key, message);
            self.problem(Some(
                problem.help("say where in keywheel.toml: `listen = \"127.0.0.1:7780\"`"),
            ));
        }
    }

    fn address(&mut self, table: &Table) -> String {
        let url = self.filled(table.text("http").unwrap_or_default());
        let environment = self.layered.id.environment();
        let problem = table.node("http").and_then(|node| {
            wrong_address(&url, environment, &self.around.config.hosts, &node.place)
        });
        self.problem(problem);
        url
    }

    fn declared(&mut self, table: &Table) {
        if let Some(node) = table.node("exec") {
            self.program(node);
        }
    }

    fn why(&mut self, table: &Table) -> String {
        let why = table.text("none").unwrap_or_default();
        if let (Some(node), true) = (table.node("none"), why.trim().is_empty()) {
            let problem = Problem::at(&node.place, "`none` has no reason");
            self.problem(Some(
                problem.help("write why, in a few words, for the audit"),
            ));
        }
        why.to_owned()
    }

    fn reads(&mut self, table: &Table, destinations: &[Destination]) -> Option<String> {
        let node = table.node("reads")?;
        let wanted = self.filled(node.text()?);
        let by_store = || {
            destinations
                .iter()
                .filter(|found| found.store.name == wanted)
        };
        let exact = destinations.iter().find(|found| found.name() == wanted);
        match (exact, by_store().count()) {
            (Some(found), _) => Some(found.name()),
            (None, 1) => by_store().next().map(Destination::name),
            (None, _) => {
                let names: Vec<String> = destinations.iter().map(Destination::name).collect();
                let known = names.iter().map(String::as_str);
                self.problem(Some(unknown_name("destination", &wanted, node, known)));
                None
            }
        }
    }

    fn instances(&mut self, table: &Table, verify: Option<&Table>) -> u32 {
        let beside = table.count("instances");
        let inside = verify.and_then(|verify| verify.count("instances"));
        if let (Some(_), Some(_), Some(entry)) = (beside, inside, table.entry("instances")) {
            let message = "`instances` is said here and in `verify`";
            self.problem(Some(Problem::at(&entry.key, message)));
        }
        inside.or(beside).unwrap_or(1)
    }

    /// A consumer that can never bring the evidence asked for would block every rotation.
    fn can_be_proven(
        &mut self,
        name: &str,
        entry: &Entry,
        consumer: &ConsumerSpec,
        asked: Option<Strength>,
    ) {
        let Some(asked) = consumer.proof.or(asked) else {
            return;
        };
        match strongest(&consumer.verify) {
            Some(strongest) if strongest < asked => {
                let (strongest, asked) = (strongest.word(), asked.word());
                let message = format!(
                    "consumer `{name}` can be seen as `{strongest}` at most, but `{asked}` is asked for"
                );
                let help =
                    format!("verify it another way, or accept less: `proof = \"{strongest}\"`");
                self.problem(Some(Problem::at(&entry.key, message).help(help)));
            }
            Some(_) => {}
            None => {
                let message = format!(
                    "consumer `{name}` cannot be seen: each rotation waits for `keywheel vouch`"
                );
                self.resolved
                    .warnings
                    .push(Problem::at(&entry.key, message));
            }
        }
    }

    fn somebody_listed(&mut self, consumers: &BTreeMap<String, ConsumerSpec>) {
        let table = &self.layered.table;
        let listed = table.entry("consumers").is_some() && !consumers.is_empty();
        if !listed && table.entry("no_consumers").is_none() && !broken(table) {
            let message = format!("`{}` lists no consumers", self.layered.id);
            let problem = Problem::at(self.layered.at, message);
            self.problem(Some(
                problem.help("list who uses it, or say `no_consumers = \"why\"`"),
            ));
        }
    }

    fn too_many_canaries(&mut self, consumers: &BTreeMap<String, ConsumerSpec>) {
        let all = consumers.len() > 1 && consumers.values().all(|consumer| consumer.canary);
        if let (true, Some(entry)) = (all, self.layered.table.entry("consumers")) {
            let problem = Problem::at(&entry.key, "every consumer is a canary, so none is");
            self.problem(Some(
                problem.help("leave `canary` with the one that is to be tried first"),
            ));
        }
    }
}

/// Whether `consumers` is there but no table of tables, which the check of types has reported.
fn broken(table: &Table) -> bool {
    let consumers = table.node("consumers").map(|node| &node.tree);
    match consumers {
        None => false,
        Some(Tree::Table(consumers)) => consumers
            .iter()
            .any(|(_, entry)| entry.node.table().is_none()),
        Some(_) => true,
    }
}

fn strongest(verify: &VerifySpec) -> Option<Strength> {
    match verify {
        VerifySpec::Http { .. }
        | VerifySpec::Exec { .. }
        | VerifySpec::Sessions { .. }
        | VerifySpec::Attest => Some(Strength::Proven),
        VerifySpec::File {
            pid_file: None,
            reloaded_file: None,
            ..
        } => Some(Strength::Delivered),
        VerifySpec::File { .. } | VerifySpec::Workload(_) | VerifySpec::Unit(_) => {
            Some(Strength::Restarted)
        }
        VerifySpec::None { .. } => None,
    }
}

fn nothing() -> NotifySpec {
    NotifySpec::None { why: String::new() }
}

fn unseen() -> VerifySpec {
    VerifySpec::None { why: String::new() }
}

fn role(table: &Table) -> Option<Role> {
    match table.text("role") {
        Some("accepts") => Some(Role::Accepts),
        Some("presents") => Some(Role::Presents),
        _ => None,
    }
}

fn reference(table: Option<&Table>) -> Option<Reference> {
    let table = table?;
    let env = table.string("env").map(Reference::Env);
    env.or_else(|| table.string("file").map(Reference::File))
}
