//! The store `github-actions` against a fake of the service, which other people's clients and the published description
//! check.

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
mod witness;
#[cfg(test)]
mod writes;
