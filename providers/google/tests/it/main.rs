//! The store against a fake of the service, which the vendor's own client judges.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod witness;
