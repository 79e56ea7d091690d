//! The consumer against a real systemd.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod away;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod examine;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod states;
