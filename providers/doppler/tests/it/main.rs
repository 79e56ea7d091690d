//! The store `doppler` against a fake of the service, which the vendor's command line and the published description
//! check.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod reviews;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod saves;
#[cfg(test)]
mod witness;
