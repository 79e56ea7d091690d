//! The issuer against a real MariaDB.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod accounts;
#[cfg(test)]
mod bad;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod life;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod silent;
#[cfg(test)]
mod turns;
