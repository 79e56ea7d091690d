//! The issuer against real servers: the system's PostgreSQL, and version 18.

#[cfg(test)]
mod away;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod in_place;
#[cfg(test)]
mod late;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod spoken;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod unsettled;
