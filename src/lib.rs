//! keywheel

pub mod consumers;
pub mod inventory;
