//! Bad input and faults, end to end: a clear error, nothing lost, nothing ended while it may be in use.

mod consumers;
mod first;
mod journal;
mod seal;
