//! keywheel

pub mod clock;
pub mod inventory;
pub mod journal;
pub mod rotation;
pub mod seal;
