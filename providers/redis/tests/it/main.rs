//! The issuer against a real Redis.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod bad;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod life;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod silent;
