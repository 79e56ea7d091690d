//! keywheel

pub mod inventory;
