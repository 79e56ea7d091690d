//! The crash sweep: a worker dies at every place at which it can, and once more while the next one recovers; the
//! outside world's own truth says whether anything was done twice, forgotten, orphaned, or ended while in use.

mod check;
mod clock;
mod rig;
mod scenario;
mod watch;
mod world;

#[tokio::test(flavor = "multi_thread")]
async fn undisturbed() {
    for scenario in scenario::all() {
        let started = std::time::Instant::now();
        let mut lane = rig::Lane::sqlite().await;
        let name = scenario.name;
        let outcome = rig::run(&mut lane, rig::Plan::undisturbed(scenario)).await;
        println!("{name} {:?} {} {:#?}", started.elapsed(), outcome.passed[0].len(), outcome.violations);
        lane.close().await;
    }
}
