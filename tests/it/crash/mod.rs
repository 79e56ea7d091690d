//! The crash sweep: a worker dies at every place at which it can, and once more while the next one recovers; the
//! outside world's own truth says whether anything was done twice, forgotten, orphaned, or ended while in use.

mod binary;
mod by_hand;
mod check;
mod clock;
mod furnish;
#[cfg(feature = "postgres")]
mod issuers;
#[cfg(all(feature = "aws", feature = "postgres"))]
mod keys;
mod mutants;
#[cfg(all(feature = "mysql", feature = "postgres", feature = "redis"))]
mod passwords;
mod rig;
mod scenario;
#[cfg(all(feature = "jwt", feature = "postgres"))]
mod signers;
#[cfg(all(
    feature = "aws",
    feature = "azure",
    feature = "doppler",
    feature = "google",
    feature = "kubernetes",
    feature = "vault"
))]
mod stores;
mod suspended;
mod sweep;
mod table;
mod watch;
mod world;

use crate::project::show;
use sweep::Database;

async fn sweep_on(database: Database) {
    let started = std::time::Instant::now();
    let Some(table) = sweep::singly(database).await else {
        return;
    };
    let seconds = started.elapsed().as_secs();
    println!("{database:?}, {seconds} s\n{table}");
    show(format!(
        "crash sweep on {database:?}: {}, {seconds} s",
        table.counts()
    ));
    assert_eq!(table.violations, Vec::<String>::new());
    assert_eq!(
        table.unvisited(),
        Vec::<String>::new(),
        "nothing died there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_on_sqlite() {
    sweep_on(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_on_postgres() {
    sweep_on(Database::Postgres).await;
}
