//! One run: a journal, a world, a request, and as many lives of a replica as it takes to come to the end.

use super::check;
use super::clock::TickingClock;
use super::scenario::Scenario;
use super::watch::Watcher;
use super::world::{Doors, Loss, Real, World};
use crate::servers::postgres::Database;
use keywheel::journal::requests::{self, Request};
use keywheel::journal::rotations::{self, Lease, Run};
use keywheel::journal::{Address, Journal, audit, secrets};
use keywheel::providers::Connect;
use keywheel::rotation::engine::Engine;
use keywheel::rotation::facts::Pace;
use keywheel::rotation::words::{Cause, Mode, State, Wish};
use keywheel::seal::KeyRing;
use keywheel::seam::Seam;
use keywheel_contract::RotationId;
use keywheel_provider_local::{FilesOptions, FilesStore};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// 2033-05-18, in epoch milliseconds.
const START_MS: i64 = 2_000_000_000_000;
/// More looks at the journal than any scenario needs; more means that it moves in circles.
const LOOKS_MAX: usize = 400;
/// A rotation that has not ended by then ends never.
const BUDGET_MS: i64 = 40 * 24 * 3_600_000;

/// Short leases: a life that ended is taken over soon.
pub(crate) const PACE: Pace = Pace {
    call_ms: 2_000,
    grace_ms: 2_000,
    lease_ms: 5_000,
    poll_min_ms: 500,
    poll_max_ms: 60_000,
    backoff_ms: 1_000,
    backoff_max_ms: 300_000,
    attempts: 8,
    fresh_ms: 600_000,
    clocks_ms: 300_000,
};

/// A journal that runs can share one after another.
pub(crate) struct Lane {
    pub(crate) journal: Journal,
    pub(super) clock: Arc<TickingClock>,
    ring: Arc<KeyRing>,
    folder: TempDir,
    database: Option<Database>,
    runs: usize,
}

/// A folder in memory where there is one: every commit waits for the disk.
pub(super) fn fast_folder() -> TempDir {
    let shared = PathBuf::from("/dev/shm");
    match shared.is_dir() {
        true => tempfile::tempdir_in(shared).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

impl Lane {
    /// On SQLite.
    pub(crate) async fn sqlite() -> Self {
        let folder = fast_folder();
        let address = Address::Sqlite(folder.path().join("keywheel.db"));
        Self::open(address, folder, None).await
    }

    /// On PostgreSQL; `None` where it is not installed.
    pub(crate) async fn postgres() -> Option<Self> {
        let database = Database::create().await?;
        let address = Address::Postgres(database.url.clone());
        Some(Self::open(address, fast_folder(), Some(database)).await)
    }

    async fn open(address: Address, folder: TempDir, database: Option<Database>) -> Self {
        let clock = Arc::new(TickingClock::starting_at(START_MS));
        let journal = Journal::create(address, Arc::<TickingClock>::clone(&clock))
            .await
            .unwrap();
        let key_file = folder.path().join("seal.key");
        KeyRing::create(&key_file).unwrap();
        let ring = Arc::new(KeyRing::load(&key_file).unwrap());
        Self {
            journal,
            clock,
            ring,
            folder,
            database,
            runs: 0,
        }
    }

    /// A `files` store of one run's own.
    fn files_of(&self, run: usize) -> Real {
        let root = self.folder.path().join(format!("store-{run}"));
        std::fs::create_dir(&root).unwrap();
        Real {
            name: "files",
            store: Arc::new(FilesStore::new(FilesOptions::default(), root).unwrap()),
            place: Arc::new(|_| "app".to_owned()),
        }
    }

    /// The journal's own files, where it has some.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let named = |end: &str| self.folder.path().join(format!("keywheel.db{end}"));
        let all = ["", "-wal", "-shm"].map(named);
        all.into_iter().filter(|path| path.exists()).collect()
    }

    pub(crate) async fn close(self) {
        drop(self.journal);
        if let Some(database) = self.database {
            database.remove().await;
        }
    }
}

/// What to run and how to disturb it.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    /// The replica dies at each of these in turn, each in a life of its own.
    pub(crate) deaths: Vec<Seam>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) pace: Pace,
    /// Consumers are taken out of the plan while they still run: a mutant.
    pub(crate) ungated: bool,
}

impl Plan {
    pub(crate) fn undisturbed(scenario: Scenario) -> Self {
        let losses = scenario.losses.clone();
        Self {
            scenario,
            deaths: Vec::new(),
            losses,
            pace: PACE,
            ungated: false,
        }
    }

    pub(crate) fn dying_at(scenario: Scenario, deaths: Vec<Seam>) -> Self {
        Self {
            deaths,
            ..Self::undisturbed(scenario)
        }
    }

    pub(crate) fn losing(scenario: Scenario, loss: Loss) -> Self {
        let mut plan = Self::undisturbed(scenario);
        plan.losses.push(loss);
        plan
    }
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The seams passed in each life.
    pub(crate) passed: Vec<Vec<Seam>>,
    /// The seams died at.
    pub(crate) died: Vec<Seam>,
    pub(crate) violations: Vec<String>,
    /// A real call outlasted the patience of the engine, so that nothing can be said of this run.
    pub(crate) outlasted: bool,
    /// How many runs before were in vain for that.
    pub(crate) repeated: usize,
}

/// What there is to do at one moment.
struct Glance {
    runs: Vec<Run>,
    is_over: bool,
    wake_ms: Option<i64>,
}

/// One run under way.
pub(crate) struct Bench<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) world: Arc<World>,
    pub(crate) secret: String,
    pub(super) plan: Plan,
    doors: Arc<dyn Connect>,
    leases: Vec<Lease>,
    lives: usize,
}

/// Runs a plan to its end and checks everything.
pub(crate) async fn run(lane: &mut Lane, plan: Plan) -> Outcome {
    run_through(lane, plan, |world| Arc::new(Doors(world))).await
}

/// The same with other doors to the world.
pub(crate) async fn run_through(
    lane: &mut Lane,
    plan: Plan,
    doors: impl FnOnce(Arc<World>) -> Arc<dyn Connect>,
) -> Outcome {
    let mut bench = Bench::prepare(lane, plan, doors).await;
    let mut outcome = Outcome::default();
    let deaths = bench.plan.deaths.clone();
    for death in deaths {
        let watcher = Watcher::dying_at(&death);
        bench.live(&watcher, &mut outcome).await;
        outcome.died.extend(watcher.seams_died(&death));
        outcome.passed.push(watcher.passed());
    }
    let watcher = Watcher::recording();
    bench.live(&watcher, &mut outcome).await;
    outcome.passed.push(watcher.passed());
    check::everything(&bench, &mut outcome.violations).await;
    outcome.outlasted = bench.world.truth().outlasted;
    outcome
}

impl Watcher {
    fn seams_died(&self, at: &Seam) -> Option<Seam> {
        self.passed().contains(at).then(|| at.clone())
    }
}

impl<'a> Bench<'a> {
    /// A world and a request for it.
    pub(crate) async fn prepare(
        lane: &'a mut Lane,
        plan: Plan,
        doors: impl FnOnce(Arc<World>) -> Arc<dyn Connect>,
    ) -> Self {
        lane.runs += 1;
        let secret = format!("production/app-{}", lane.runs);
        let real = plan.scenario.real.clone();
        let real = real.unwrap_or_else(|| lane.files_of(lane.runs));
        let native = match &plan.scenario.native {
            Some(native) => Some(native.begin().await),
            None => None,
        };
        let world = World::new(
            plan.scenario.clone(),
            secret.clone(),
            plan.losses.clone(),
            lane.journal.clone(),
            Arc::clone(&lane.clock),
            &real,
            native,
        );
        let doors = doors(Arc::clone(&world));
        let bench = Self {
            lane,
            world,
            secret,
            plan,
            doors,
            leases: Vec::new(),
            lives: 0,
        };
        bench.furnish().await;
        bench.enrol().await;
        bench
    }

    /// The secret in the inventory, and the request.
    async fn enrol(&self) {
        let mut definition = self.plan.scenario.definition(&self.secret);
        if self.plan.ungated {
            definition.consumers.clear();
            definition.no_consumers = Some("an example".to_owned());
        }
        let (mode, cause) = (self.plan.scenario.mode, self.plan.scenario.cause);
        let request = self.request(mode, cause);
        let written = self.lane.journal.write(async move |tx| {
            secrets::apply(tx, std::slice::from_ref(&definition)).await?;
            requests::add(tx, &request).await
        });
        written.await.unwrap();
    }

    fn request(&self, mode: Mode, cause: Cause) -> Request {
        Request {
            id: uuid::Uuid::now_v7().to_string(),
            secret_id: self.secret.clone(),
            cause,
            mode,
            credential: "all".to_owned(),
            reason: "an example".to_owned(),
            actor: "example".to_owned(),
            accept_outage: mode == Mode::Contain,
            reported_ms: START_MS,
        }
    }

    pub(crate) fn engine(&mut self, watcher: &Arc<Watcher>) -> Engine {
        self.lives += 1;
        Engine {
            journal: self.lane.journal.clone(),
            connect: Arc::clone(&self.doors),
            ring: Arc::clone(&self.lane.ring),
            pace: self.plan.pace,
            replica: format!("replica-{}-{}", self.secret, self.lives),
            host: "example".to_owned(),
            seams: watcher.seams(),
            crowd: Arc::default(),
        }
    }

    /// One life of a replica: until everything has ended, or it died.
    async fn live(&mut self, watcher: &Arc<Watcher>, outcome: &mut Outcome) {
        let engine = self.engine(watcher);
        self.live_as(&engine, outcome).await;
    }

    /// The same with an engine that was made before.
    pub(super) async fn live_as(&mut self, engine: &Engine, outcome: &mut Outcome) {
        let budget = self.world.now_ms() + BUDGET_MS;
        let mut glance = self.glance().await;
        for _ in 0..LOOKS_MAX {
            let worked = self.look(engine, outcome).await;
            if engine.seams.is_dead() {
                return;
            }
            glance = self.glance().await;
            self.people_and_workloads(&glance).await;
            if glance.is_over {
                return;
            }
            if !worked && !self.sleep(&glance, budget) {
                break;
            }
        }
        let stuck = glance.runs.first().map(|run| {
            let (state, question) = (run.state.word(), &run.question);
            format!("{} {state} `{question}` {:?}", run.phase, run.waiting)
        });
        let stuck = stuck.unwrap_or_else(|| "a request or an audit row".to_owned());
        let told = format!("I9: it does not end: {stuck}");
        outcome.violations.push(told);
    }

    /// Opens, claims, works, else keeps the audit in order; `true` where something was worked on.
    async fn look(&mut self, engine: &Engine, outcome: &mut Outcome) -> bool {
        engine.open_requests(10).await.unwrap();
        if engine.seams.is_dead() {
            return false;
        }
        let leases = engine.claim(Some(&self.secret), 10).await.unwrap();
        let worked = !leases.is_empty();
        for lease in leases {
            self.leases.push(lease.clone());
            if let Err(error) = engine.work(lease).await {
                let told = format!("I9: a step failed: {error}");
                outcome.violations.push(told);
            }
        }
        if !worked && !engine.seams.is_dead() {
            engine.sequence().await.unwrap();
        }
        worked
    }

    /// Moves the clock to the next moment at which something happens; `false` where that is too late.
    fn sleep(&self, glance: &Glance, budget_ms: i64) -> bool {
        // Without a rotation, the audit still waits for a dead sequencer's lease.
        let soon = self.world.now_ms() + 1_000;
        self.lane.clock.advance_to(glance.wake_ms.unwrap_or(soon));
        self.world.now_ms() < budget_ms
    }

    /// Whoever acts when a rotation rests in a phase acts once.
    async fn people_and_workloads(&self, glance: &Glance) {
        let scenario = &self.plan.scenario;
        for run in &glance.runs {
            let rests = matches!(run.state, State::Waiting | State::Blocked);
            let rests_in = |phase| rests && Some(run.phase) == phase;
            if rests_in(scenario.goes_back) && self.world.truth().once("goes back") {
                self.world.truth().goes_back();
            }
            let person = scenario.person.filter(|(phase, _)| rests_in(Some(*phase)));
            if let Some((_, wish)) = person
                && self.world.truth().once("wish")
            {
                self.wish(&run.id, wish).await;
            }
            if rests_in(scenario.leak) && self.world.truth().once("leak") {
                self.report_leak().await;
            }
        }
    }

    async fn wish(&self, id: &RotationId, wish: Wish) {
        let id = id.clone();
        let journal = &self.lane.journal;
        let wished = journal.write(async move |tx| rotations::wish(tx, &id, wish, "example").await);
        wished.await.unwrap();
    }

    async fn report_leak(&self) {
        let request = self.request(Mode::Cutover, Cause::Emergency);
        let journal = &self.lane.journal;
        let asked = journal.write(async move |tx| requests::add(tx, &request).await);
        asked.await.unwrap();
    }

    /// What there is to do, in one reading.
    async fn glance(&self) -> Glance {
        let secret = self.secret.clone();
        let read = self.lane.journal.read(async move |tx| {
            let runs = rotations::unfinished(tx, &secret).await?;
            let asked = !requests::queued(tx, 1).await?.is_empty();
            let unplaced = audit::pending(tx).await? > 0;
            Ok(Glance {
                is_over: runs.is_empty() && !asked && !unplaced,
                wake_ms: rotations::next_wake(tx).await?,
                runs,
            })
        });
        read.await.unwrap()
    }

    /// Leases of every life.
    pub(crate) fn leases(&self) -> &[Lease] {
        &self.leases
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.plan.scenario
    }

    /// Long after everything: whatever was still under way has landed.
    pub(crate) fn settle_down(&self) {
        let now = self.world.now_ms();
        self.lane.clock.advance_to(now + BUDGET_MS);
        drop(self.world.truth());
    }
}
