//! Where log lines go: stderr, as text for people or as JSON lines for machines.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging; `KEYWHEEL_LOG` chooses what (`info` by default).
pub(super) fn start(json: bool) {
    let filter = EnvFilter::try_from_env("KEYWHEEL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours())
        .with_writer(std::io::stderr);
    let started = match json {
        true => builder.json().try_init(),
        false => builder.with_target(false).try_init(),
    };
    if started.is_err() {
        anstream::eprintln!("keywheel: logging was started already");
    }
}

/// Only on a terminal, and not where `NO_COLOR` asks for none (<https://no-color.org>).
fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}
