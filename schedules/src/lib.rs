#![doc = include_str!("../README.md")]

mod apart;
mod check;
mod cron_text;
mod gate;
mod health;
mod jitter;
mod layers;
mod placing;
mod presets;
mod rotation;
mod slots;
mod span;
mod spread;
mod timing;
mod windows;
mod zone;

pub use apart::apart;
pub use check::{Problem, check};
pub use gate::{Gate, Opening};
pub use health::{Due, health};
pub use layers::PartialTiming;
pub use presets::presets;
pub use rotation::{History, Next, next_rotation};
pub use span::{InvalidSpan, Span};
pub use spread::{EmptySpread, First, Spread};
pub use timing::{Blackout, Timing};
pub use windows::{InvalidWindow, Windows};
