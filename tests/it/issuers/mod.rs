//! Issuers that honour credentials, real ones: whole rotations, and loads of clients that miss nothing meanwhile.

#[cfg(feature = "aws")]
mod aws;
mod load;
mod postgres;
mod postgres_load;
