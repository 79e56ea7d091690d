//! Private keys in PEM, and the JSON web tokens that they sign, for every provider that has to do with either.

mod key;
pub mod pem;
mod token;

pub use key::{Algorithm, Key};
pub use token::{opened, signed};
