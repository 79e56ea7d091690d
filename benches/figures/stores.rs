//! Rotations per second with the store of a vendor, beside the same calls to the same server without keywheel.

use super::definitions::definition;
use super::ground::{Backend, Ground};
use super::machine::{Memory, load};
use super::outside::Instant as InstantOutside;
use super::rotations::{check, ended, request, workers};
use super::traced::{Call, Traced};
use super::vendors;
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use keywheel::daemon::run_until;
use keywheel::inventory::{Definition, Manage};
use keywheel::journal::{requests, secrets};
use keywheel_contract::{Place, SecretStore};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Secrets, and rotations in flight.
const SECRETS: usize = 1_000;
const FLIGHT: usize = 32;

/// Runs the cell and prints its line. Quotas are the vendors' and not these servers': they are left out on both sides.
pub(crate) async fn measure(backend: Backend, name: &str) -> Result<()> {
    let Some(vendor) = vendors::start(name).await else {
        return Ok(());
    };
    let ground = Ground::prepare(&backend).await?;
    let traced = Arc::new(Traced::new(vendor.store()));
    let outside = Arc::new(InstantOutside::with(
        Arc::clone(&traced) as Arc<dyn SecretStore>
    ));
    seed(&ground, &outside, &vendor, "ours", SECRETS, true).await?;
    traced.begin();
    let seconds = rotate(&ground, &outside).await?;
    let calls = traced.of_one_place();
    check(&ground.journal, &outside, SECRETS).await?;
    let floor = bare(&ground, &outside, &vendor, &calls).await?;
    let (rate, bare_rate) = (SECRETS as f64 / seconds, SECRETS as f64 / floor);
    anstream::println!(
        "{name:<12} {FLIGHT} in flight: {rate:>6.1} rotations/s | the same {} calls bare: {bare_rate:>6.1}/s, \
         ours take {:+.0} % longer | {} | load {}",
        calls.len(),
        100.0 * (seconds / floor - 1.0),
        Memory::own()?,
        load()?
    );
    Ok(())
}

async fn rotate(ground: &Ground, outside: &Arc<InstantOutside>) -> Result<f64> {
    let stop = CancellationToken::new();
    let workers = workers(ground, Arc::clone(outside), FLIGHT)?;
    let start = Instant::now();
    let running = tokio::spawn(run_until(workers, stop.clone()));
    ended(&ground.journal, SECRETS).await?;
    let seconds = start.elapsed().as_secs_f64();
    stop.cancel();
    running.await.context("the workers")??;
    Ok(seconds)
}

/// Secrets with a value in use; with a request for a rotation of each where they are `wanted`.
async fn seed(
    ground: &Ground,
    outside: &InstantOutside,
    vendor: &vendors::Vendor,
    prefix: &str,
    count: usize,
    wanted: bool,
) -> Result<Vec<Definition>> {
    let mut definitions = Vec::with_capacity(count);
    for number in 0..count {
        let mut made = definition(number, ground.store(), Manage::Approve)?;
        for destination in &mut made.destinations {
            destination.path = (vendor.place)(&format!("{prefix}-{number}"));
        }
        let adopted = outside.adopt(&made).await;
        adopted.map_err(|error| anyhow::anyhow!("{}", error.message))?;
        definitions.push(made);
    }
    let written = definitions.clone();
    if wanted {
        ground
            .journal
            .write(async move |tx| {
                secrets::apply(tx, &written).await?;
                for definition in &written {
                    requests::add(tx, &request(definition.id.as_str())).await?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(definitions)
}

/// The calls of one rotation for as many other places, as many side by side, by the same crate; in seconds.
async fn bare(
    ground: &Ground,
    outside: &InstantOutside,
    vendor: &vendors::Vendor,
    calls: &[Call],
) -> Result<f64> {
    let definitions = seed(ground, outside, vendor, "bare", SECRETS, false).await?;
    let places = definitions.iter().flat_map(|one| &one.destinations);
    let places: Vec<Place> = places.map(keywheel::providers::place_of).collect();
    let store = vendor.store();
    let start = Instant::now();
    let work = places
        .iter()
        .map(|place| super::traced::replay(&*store, place, calls));
    let mut running = futures_util::stream::iter(work).buffer_unordered(FLIGHT);
    while let Some(done) = running.next().await {
        done.map_err(|error| anyhow::anyhow!("{}", error.message))?;
    }
    Ok(start.elapsed().as_secs_f64())
}
