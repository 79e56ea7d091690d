//! Bad input and faults, end to end: a clear error, nothing lost, nothing ended while it may be in use.

mod canary;
mod clock;
mod consumers;
mod inventory;
mod journal;
mod plugins;
mod reload;
mod seal;
mod signals;
mod size;
