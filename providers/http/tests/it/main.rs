//! Every shipped pack against the service that its contract plays, and what packs must not do.

// `cfg(test)` always holds here; it tells the linter that these modules may unwrap.
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod family;
#[cfg(test)]
mod misbehaving;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod own;
#[cfg(test)]
mod packs;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod published;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod turned;
#[cfg(test)]
mod witness;
