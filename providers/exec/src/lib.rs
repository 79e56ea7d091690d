//! Providers that are outside programs: issuer, store and consumer, spoken to in JSON.
//!
//! One process per call, the request on its stdin, the answer on its stdout, protocol
//! [`PROTOCOL`]. A secret value travels on those two pipes and nowhere else: not in arguments, not in the
//! environment, not in a message. What the author of a program has to know is in `docs/plugins.md`.
//!
//! From the outside in: [`ExecIssuer`], [`ExecStore`] and [`ExecConsumer`] implement the contract;
//! `client` makes one call of it; `wire` is the JSON; `process` runs one process group to its end;
//! [`shim`] is what that process is before it becomes the program; `scrub` cleans what the program says;
//! [`check`] is `keywheel plugin check`.

pub mod check;
mod client;
mod consumer;
mod issuer;
mod launch;
mod pin;
mod process;
mod program;
mod scrub;
pub mod shim;
mod store;
mod wire;

pub use client::Config;
pub use consumer::ExecConsumer;
pub use issuer::ExecIssuer;
pub use launch::Launcher;
pub use process::GRACE;
pub use program::{InvalidProgram, Program, ProgramOptions};
pub use store::ExecStore;
pub use wire::{PROTOCOL, Role};
