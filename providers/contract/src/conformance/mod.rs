//! What every provider must do, as suites that return a report instead of panicking.

pub mod consumer;
pub mod issuer;
pub mod report;
pub mod store;
