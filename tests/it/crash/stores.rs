//! The same sweep with the store of each vendor: nothing is lost, doubled or ended while in use, whatever the store can
//! and cannot do.

use super::sweep;
use super::world::Real;
use crate::project::show;
use crate::servers::vendors;
use std::sync::Arc;

/// One death at each place and each effect lost, forth and back.
async fn sweep(name: &'static str) {
    let Some(vendor) = vendors::start(name).await else {
        return;
    };
    let started = std::time::Instant::now();
    let table = sweep::in_store(&Real {
        name,
        store: vendor.store(),
        place: Arc::clone(&vendor.place),
    })
    .await;
    let seconds = started.elapsed().as_secs();
    println!("{name}, {seconds} s\n{table}");
    show(format!(
        "crash sweep with {name}: {}, {seconds} s",
        table.counts()
    ));
    assert_eq!(table.violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_in_any_store() {
    for name in vendors::NAMES {
        sweep(name).await;
    }
}
