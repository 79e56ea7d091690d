//! Consumer `systemd`: a service of this machine, told by a restart or a reload, seen by when that was.
//!
//! Over D-Bus, as `systemctl` does it: the interface `org.freedesktop.systemd1`
//! (<https://www.freedesktop.org/software/systemd/man/org.freedesktop.systemd1.html>). Evidence is `restarted` at most:
//! systemd knows when a process began, and never what it read.

mod bus;
mod examine;
mod job;
mod judge;
mod moment;
mod sight;
mod unit;

pub use unit::{Told, Unit};
