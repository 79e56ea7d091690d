//! The servers that tests start for themselves: throwaway, on free ports of the loopback address.
//!
//! Real servers where there are any ([`openbao`]), emulators with their known deviations, and fakes of our own where
//! nothing else exists, checked by the vendors' own clients ([`python`]). Every one can misbehave on demand:
//! [`faults`] for those of ours, [`proxy`] and [`relay`] in front of the others. Beside them is what the tests of every store do:
//! [`writes`], and a search of the [`logs`].

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "only tests use this; what it cannot do is told by a panic, and a skipped test by a line of output"
)]

pub mod authority;
pub mod aws;
pub mod azure;
pub mod counts;
pub mod doppler;
pub mod faults;
pub mod github;
pub mod google;
pub mod jwks;
pub mod kubernetes;
pub mod late;
pub mod logs;
pub mod mariadb;
pub mod npm;
pub mod openbao;
pub mod postgres;
pub mod proxy;
pub mod python;
pub mod redis;
pub mod relay;
pub mod serve;
pub mod sshd;
pub mod systemd;
pub mod wire;
pub mod writes;
