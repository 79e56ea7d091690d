//! The store `kubernetes` against a fake of the API server, which clients of other people check.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod witness;
#[cfg(test)]
mod writes;
