//! The figures of keywheel: rotations per second beside their floor, and the cost of many secrets.
//!
//! `cargo bench --bench figures` measures everything; words after `--` choose cells by part of their name
//! (`rotations/sqlite`, `scale`, `1000000`). Each cell runs in a process of its own, so that its peak memory
//! is its own. `docs/performance.md` says what the figures mean.

mod cluster;
mod definitions;
mod fleet;
mod floor;
mod folder;
mod ground;
mod machine;
mod openbao;
mod outside;
mod paused;
mod program;
mod roles;
mod rotations;
mod scale;
mod started;
mod stores;
mod traced;
mod untested;
#[expect(
    clippy::unwrap_used,
    reason = "the servers of the tests; what is wrong there ends a cell"
)]
#[path = "../../tests/it/servers/vendors.rs"]
mod vendors;
mod witness;

use anyhow::{Context as _, Result};
use cluster::Cluster;
use ground::Backend;
use std::process::Command;

/// Marks the arguments of a process that runs one cell.
const CELL: &str = "--cell";
/// Rotations in flight, and how many are run through.
const FLIGHTS: [(usize, usize); 3] = [(1, 60), (8, 480), (64, 2_000)];
/// Secrets in the journal.
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Pairs of database roles.
const ROLES: usize = 1_000;
/// Pairs of database roles, and beside them those of a database that hangs: fewer than are worked on at once, and more.
const BESIDE: usize = 400;
const HANGING: [usize; 2] = [16, 400];
/// Rotations that wait while others run.
const WAITING: usize = 100_000;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((CELL, [name, rest @ ..])) = args.split_first().map(|(a, b)| (a.as_str(), b)) {
        return cell(name, rest.first().map(String::as_str));
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let chosen: Vec<String> = cells()
        .into_iter()
        .filter(|cell| wanted.is_empty() || wanted.iter().any(|word| cell.contains(*word)))
        .collect();
    anstream::println!("{}", machine::describe()?);
    let cluster = match chosen.iter().any(|cell| cell.contains("postgres")) {
        true => Cluster::start(&ground::disk())?,
        false => None,
    };
    for cell in &chosen {
        let url = cluster.as_ref().map(Cluster::url);
        if cell.contains("postgres") && url.is_none() {
            anstream::println!("{cell}: skipped, PostgreSQL is not installed (no initdb found)");
            continue;
        }
        run_apart(cell, url)?;
    }
    Ok(())
}

/// Names of all cells: what, backend, size, and for rotations what else the journal holds.
fn cells() -> Vec<String> {
    let mut cells = Vec::new();
    for backend in ["sqlite", "postgres"] {
        for (flight, count) in FLIGHTS {
            cells.push(format!("rotations/{backend}/{flight}/{count}/0"));
        }
        let (flight, count) = FLIGHTS[FLIGHTS.len() - 1];
        cells.push(format!("rotations/{backend}/{flight}/{count}/{WAITING}"));
    }
    let stores = vendors::NAMES
        .iter()
        .map(|name| format!("stores/sqlite/{name}"));
    cells.extend(stores);
    cells.push(format!("roles/sqlite/{ROLES}"));
    cells.push(format!("started/sqlite/{ROLES}"));
    cells.extend(HANGING.map(|hanging| format!("paused/sqlite/{BESIDE}/{hanging}")));
    for backend in ["sqlite", "postgres"] {
        cells.push(format!("openbao/{backend}/{ROLES}"));
    }
    for backend in ["sqlite", "postgres"] {
        cells.extend(SIZES.map(|size| format!("scale/{backend}/{size}")));
    }
    cells
}

fn run_apart(cell: &str, url: Option<&str>) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CELL, cell]).args(url);
    let ended = command.status().context("starting a cell")?;
    anyhow::ensure!(ended.success(), "{cell} failed: {ended}");
    Ok(())
}

fn cell(name: &str, url: Option<&str>) -> Result<()> {
    let parts: Vec<&str> = name.split('/').collect();
    let number = |at: usize| -> Result<usize> {
        let text = parts.get(at).context("a cell's name is too short")?;
        Ok(text.parse()?)
    };
    let backend = Backend::parse(parts.get(1).copied().unwrap_or_default(), url)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match parts.first() {
        Some(&"rotations") => runtime.block_on(rotations::measure(&rotations::Load {
            backend,
            flight: number(2)?,
            count: number(3)?,
            waiting: number(4)?,
        })),
        Some(&"roles") => runtime.block_on(roles::measure(backend, number(2)?)),
        Some(&"started") => runtime.block_on(started::measure(backend, number(2)?)),
        Some(&"paused") => runtime.block_on(paused::measure(backend, number(2)?, number(3)?)),
        Some(&"openbao") => runtime.block_on(openbao::measure(backend, number(2)?)),
        Some(&"stores") => runtime.block_on(stores::measure(backend, parts[2])),
        _ => runtime.block_on(scale::measure(backend, number(2)?)),
    }
}
