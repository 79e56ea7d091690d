//! Issuer `http`: services that mint, test and end credentials over HTTP, each described by a **pack**, which is data.
//!
//! A pack says how the service is asked: calls with named values, what their answers mean, where a secret is in them,
//! how pages follow each other, and what the service cannot do. What it cannot do shows in the issuer's capabilities, so
//! that the planner knows before anything starts. Its `contract` block says how the service behaves; a server that plays
//! it ([`contract`]) tests the pack, so that adding one needs no program.
//!
//! A secret is never part of an address: a pack in which one would be is refused, also by an id that is the secret.
//! Whatever stands for a name in a path
//! is percent-encoded. The words of a service are recognised, never passed on.

mod body;
mod certificate;
pub mod contract;
mod draw;
mod examine;
mod issuer;
mod listing;
mod look;
mod options;
mod own;
pub mod pack;
mod pages;
mod request;
mod scope;
mod service;
pub mod shipped;
mod sign;
mod text;
mod tokens;
mod transport;
mod turn;
mod usage;
mod verdict;

pub use issuer::HttpIssuer;
pub use options::{HttpOptions, Told, own};
