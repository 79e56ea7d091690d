//! The issuer against a real OpenSSH server, with `ssh` and `git` as witnesses.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod bad;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod life;
#[cfg(test)]
mod rig;
