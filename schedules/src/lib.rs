//! What is due, when and why.

mod span;
mod timing;

pub use span::{InvalidSpan, Span};
pub use timing::{Blackout, Timing};
