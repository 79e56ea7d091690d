//! The sweep: every seam that any scenario passes, one death each; every effect lost in three ways; and a second
//! death while the next replica recovers.

use super::rig::{Lane, Outcome, Plan, run};
use super::scenario::{self, Scenario, StoreKind};
use super::table::Table;
use super::world::native::NativeIssuer;
use super::world::{Loss, Lost, Real};
use keywheel::rotation::words::Kind;
use keywheel::seam::{Seam, Window};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Runs side by side: each mostly waits for commits.
const SIDE_BY_SIDE: usize = 6;
/// What an issuer is called for.
const CREDENTIAL: [Kind; 8] = [
    Kind::Mint,
    Kind::Apply,
    Kind::ApplyBack,
    Kind::DisableCredential,
    Kind::EnableCredential,
    Kind::Revoke,
    Kind::DestroyCandidate,
    Kind::EndSessions,
];
/// A busy machine may keep a real server from answering in time; more than this many times in one run, it counts.
const REPEATS: usize = 5;
/// A journal is left after this many runs, so that looking through its bytes stays quick.
const RUNS_PER_LANE: usize = 10;

/// Where the journals are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    async fn lane(self) -> Option<Lane> {
        match self {
            Self::Sqlite => Some(Lane::sqlite().await),
            Self::Postgres => Lane::postgres().await,
        }
    }
}

/// A plan, what to call it, and what it loses.
#[derive(Clone)]
struct Job {
    label: String,
    plan: Plan,
    loss: Option<Loss>,
    /// How often it was run in vain, for a call of a real server took longer than the engine waits.
    repeated: usize,
}

impl Job {
    fn dying(scenario: &Scenario, deaths: Vec<Seam>) -> Self {
        let names: Vec<String> = deaths.iter().map(Seam::name).collect();
        Self {
            label: format!("{} died at {}", scenario.name, names.join(", then ")),
            plan: Plan::dying_at(scenario.clone(), deaths),
            loss: None,
            repeated: 0,
        }
    }

    fn losing(scenario: &Scenario, loss: Loss) -> Self {
        let (how, kind) = (format!("{:?}", loss.how).to_lowercase(), loss.kind.word());
        Self {
            label: format!("{} lost the {how} of {kind} {}", scenario.name, loss.target),
            plan: Plan::losing(scenario.clone(), loss.clone()),
            loss: Some(loss),
            repeated: 0,
        }
    }
}

/// Runs jobs side by side; results in the order of the jobs. `None` where the database is not installed.
async fn all(database: Database, jobs: Vec<Job>) -> Option<Vec<(Job, Outcome)>> {
    let queue: VecDeque<(usize, Job)> = jobs.into_iter().enumerate().collect();
    let queue = Arc::new(Mutex::new(queue));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..SIDE_BY_SIDE {
        let (queue, runtime) = (Arc::clone(&queue), tokio::runtime::Handle::current());
        // A thread for each, so that the world's calls need not move between threads.
        workers.spawn_blocking(move || runtime.block_on(work(database, queue)));
    }
    let mut done = Vec::new();
    while let Some(worked) = workers.join_next().await {
        done.extend(worked.unwrap()?);
    }
    done.sort_by_key(|(index, _, _)| *index);
    Some(
        done.into_iter()
            .map(|(_, job, outcome)| (job, outcome))
            .collect(),
    )
}

async fn work(
    database: Database,
    queue: Arc<Mutex<VecDeque<(usize, Job)>>>,
) -> Option<Vec<(usize, Job, Outcome)>> {
    let mut done = Vec::new();
    let mut lane = database.lane().await?;
    loop {
        let Some((index, job)) = queue.lock().unwrap().pop_front() else {
            break;
        };
        let mut outcome = run(&mut lane, job.plan.clone()).await;
        outcome.repeated = job.repeated;
        // A run that did not end would keep the clock of the next ones from moving.
        let spoilt = !outcome.violations.is_empty();
        if outcome.outlasted && job.repeated < REPEATS {
            let repeated = job.repeated + 1;
            let again = Job { repeated, ..job };
            queue.lock().unwrap().push_back((index, again));
        } else {
            done.push((index, job, outcome));
        }
        if spoilt || done.len() % RUNS_PER_LANE == 0 {
            lane.close().await;
            lane = database.lane().await?;
        }
    }
    lane.close().await;
    Some(done)
}

/// Every scenario undisturbed: the seams each passes.
async fn rehearse(
    database: Database,
    scenarios: Vec<Scenario>,
    table: &mut Table,
) -> Option<Vec<(Scenario, Vec<Seam>)>> {
    let jobs = scenarios.into_iter().map(|scenario| Job {
        label: scenario.name.to_owned(),
        plan: Plan::undisturbed(scenario),
        loss: None,
        repeated: 0,
    });
    let outcomes = all(database, jobs.collect()).await?;
    let passed = outcomes.into_iter().map(|(job, mut outcome)| {
        table.add(&job.label, None, &outcome);
        (job.plan.scenario, outcome.passed.remove(0))
    });
    Some(passed.collect())
}

/// One death at each seam of each scenario.
pub(crate) async fn singly(database: Database) -> Option<Table> {
    let mut table = Table::default();
    let passed = rehearse(database, scenario::all(), &mut table).await?;
    let firsts = die_once(database, &passed, &mut table).await?;
    if database == Database::Sqlite {
        lose(&passed, &mut table).await?;
        die_twice(&firsts, &mut table).await?;
    }
    Some(table)
}

/// One death at each seam, and each effect lost, forth and back in one store of a provider; on SQLite.
pub(crate) async fn in_store(real: &Real) -> Table {
    let mut table = Table::default();
    let scenarios = vec![scenario::forth(real), scenario::and_back(real)];
    let done = async {
        let passed = rehearse(Database::Sqlite, scenarios, &mut table).await?;
        die_once(Database::Sqlite, &passed, &mut table).await?;
        lose(&passed, &mut table).await
    };
    done.await.unwrap();
    table
}

/// The same with an issuer of a provider.
pub(crate) async fn of_issuer(native: &NativeIssuer) -> Table {
    let mut table = Table::default();
    let done = async {
        let scenarios = scenario::of_issuer(native);
        let passed = rehearse(Database::Sqlite, scenarios, &mut table).await?;
        die_once(Database::Sqlite, &passed, &mut table).await?;
        lose(&passed, &mut table).await
    };
    done.await.unwrap();
    table
}

/// The jobs, with what was passed while recovering.
async fn die_once(
    database: Database,
    passed: &[(Scenario, Vec<Seam>)],
    table: &mut Table,
) -> Option<Vec<(Job, Vec<Seam>)>> {
    let jobs = passed.iter().flat_map(|(scenario, seams)| {
        seams
            .iter()
            .map(|seam| Job::dying(scenario, vec![seam.clone()]))
    });
    let mut recovered = Vec::new();
    for (job, outcome) in all(database, jobs.collect()).await? {
        table.add(&job.label, None, &outcome);
        if outcome.died.is_empty() {
            table
                .violations
                .push(format!("{}: it was not passed again", job.label));
        }
        let later = outcome.passed.into_iter().nth(1).unwrap_or_default();
        recovered.push((job, later));
    }
    Some(recovered)
}

/// Each effect's answer, then its call, then its punctuality.
async fn lose(passed: &[(Scenario, Vec<Seam>)], table: &mut Table) -> Option<()> {
    let mut jobs = Vec::new();
    for (scenario, seams) in passed {
        for seam in seams {
            let Seam::Effect {
                kind,
                target,
                window: Window::Intended,
            } = seam
            else {
                continue;
            };
            for how in ways(scenario, *kind, target) {
                let loss = Loss {
                    kind: *kind,
                    target: target.clone(),
                    how,
                };
                jobs.push(Job::losing(scenario, loss));
            }
        }
    }
    for (job, outcome) in all(Database::Sqlite, jobs).await? {
        table.add(&job.label, job.loss.as_ref(), &outcome);
    }
    Some(())
}

/// A call of a real store or issuer cannot be made late; what a scenario loses already is not lost once more.
fn ways(scenario: &Scenario, kind: Kind, target: &str) -> Vec<Lost> {
    let planned = scenario.destinations.iter().find(|d| d.name == target);
    let real = planned.is_some_and(|d| d.kind == StoreKind::Real);
    let real = real || scenario.native.is_some() && CREDENTIAL.contains(&kind);
    let lost = scenario.losses.iter().any(|loss| loss.kind == kind);
    let all = [Lost::Answer, Lost::Call, Lost::Late];
    let open = |how: &Lost| !(lost || real && *how == Lost::Late);
    all.into_iter().filter(open).collect()
}

/// A second death for every other first one: all pairs would take hours.
async fn die_twice(firsts: &[(Job, Vec<Seam>)], table: &mut Table) -> Option<()> {
    let mut jobs = Vec::new();
    for (index, (first, later)) in firsts.iter().enumerate() {
        table.pairs.1 += later.len();
        let chosen = later.get(index * 7919 % later.len().max(1));
        let Some(second) = chosen.filter(|_| index % 4 == 0) else {
            continue;
        };
        let mut deaths = first.plan.deaths.clone();
        deaths.push(second.clone());
        jobs.push(Job::dying(&first.plan.scenario, deaths));
    }
    for (job, outcome) in all(Database::Sqlite, jobs).await? {
        table.add(&job.label, None, &outcome);
        table.pairs.0 += usize::from(outcome.died.len() == 2);
    }
    Some(())
}
