//! What passing tests have to tell. A runner shows what a test prints only where it fails, so that `scripts/test` names a
//! file to which it is added.

use std::fmt::Display;
use std::io::Write as _;

/// Says what a test counted.
///
/// # Panics
/// The file cannot be written.
pub fn show(counted: impl Display) {
    let counted = format!("{counted}\n");
    print!("{counted}");
    if let Some(path) = std::env::var_os("KEYWHEEL_COUNTS") {
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.create(true).append(true).open(path).unwrap();
        // In one write, for tests run side by side.
        file.write_all(counted.as_bytes()).unwrap();
    }
}

/// Shows the report of a suite, whose last line counts its cases, for the package and the test that run here.
///
/// # Panics
/// As [`show`].
pub fn suite(report: &impl Display) {
    let report = report.to_string();
    print!("{report}");
    let counted = report.lines().last().unwrap_or_default();
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let provider = package.trim_start_matches("keywheel-provider-");
    show(format!("conformance of {provider}: {counted} ({})", test()));
}

/// Says that the test that runs here is left out, and why.
///
/// # Panics
/// As [`show`].
pub fn skipped(reason: impl Display) {
    show(format!("SKIPPED {}: {reason}", test()));
}

fn test() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("a test").to_owned()
}
