//! Issuers that honour credentials, real ones: whole rotations, and loads of clients that miss nothing meanwhile.

mod load;
mod postgres;
mod postgres_load;
