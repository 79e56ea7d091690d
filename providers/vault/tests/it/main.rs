//! The store against a real OpenBao, and against a server that misbehaves.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod away;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod login;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod versions;
