//! Providers of this machine, and those that need no outside system at all.
//!
//! - [`FilesStore`]: a folder per secret, as programs expect to mount it, with every version kept.
//! - [`DotenvStore`]: chosen keys of an existing `.env` file; everything else stays as it is.
//! - [`RandomIssuer`]: values drawn from the operating system's randomness, honoured by their consumers.
//! - [`ManualIssuer`]: values that a person brings, checked for their format.
//!
//! Both stores exist on one machine only (`host_bound`). Neither follows a symbolic link below its root.

mod alphabet;
mod dotenv;
mod files;
mod manual;
mod random;

pub use alphabet::Class;
pub use dotenv::{DotenvOptions, DotenvStore};
pub use files::{FilesOptions, FilesStore};
pub use manual::{ManualIssuer, ManualOptions};
pub use random::{Encoding, RandomIssuer, RandomOptions};
