//! The store `kubernetes` and the consumer `workload` against a fake of the API server, which clients of other people check.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod witness;
#[cfg(test)]
mod workload;
#[cfg(test)]
mod writes;
