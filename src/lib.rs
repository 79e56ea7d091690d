//! keywheel

pub mod config;
pub mod inventory;
