//! The issuer with a set that a web server serves, and `PyJWT` as signer and verifier.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod bad;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod life;
#[cfg(test)]
mod rig;
