//! What people and machines read of the journal: queries and pure shaping for status, history, plan, audit.
//!
//! Nothing here writes, calls out or prints. The command line prints it; API and page show the same.

pub mod calendar;
pub mod entries;
pub mod portrait;
pub mod runs;
pub mod select;
pub mod status;
pub mod verify;
pub mod when;
