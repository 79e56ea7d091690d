//! The store and the issuers against emulators of AWS, with AWS's own client as the witness, and against one that misbehaves.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod delegated;
#[cfg(test)]
mod deviations;
#[cfg(test)]
mod iam;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod versions;
