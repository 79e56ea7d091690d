//! Secrets that exist already: found in a store, brought into the inventory, got to know, handed over.

mod adopt;
mod discover;
mod import;
mod limits;
mod shelf;
mod spread;
#[cfg(feature = "vault")]
mod vault;
