//! keywheel rotates secrets, and ends the old one only on evidence that nobody uses it.
//!
//! See `ARCHITECTURE.md` for the map. Modules in reading order:

pub mod actions;
pub mod adopt;
pub mod api;
pub mod apply;
pub mod attested;
pub mod cli;
pub mod clock;
pub mod config;
pub mod consumers;
pub mod daemon;
pub mod discover;
pub mod inventory;
pub mod journal;
pub mod providers;
pub mod quotas;
pub mod report;
pub mod rotation;
pub mod scheduler;
pub mod seal;
pub mod seam;
