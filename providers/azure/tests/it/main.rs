//! The store against a fake vault of our own, which the vendor's client in Python speaks to as well.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod app;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod login;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod online;
#[cfg(test)]
mod people;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod witness;
