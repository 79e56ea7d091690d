//! Servers that the tests start for themselves: throwaway, loopback only.

pub(crate) mod postgres;

#[cfg(all(
    feature = "aws",
    feature = "azure",
    feature = "doppler",
    feature = "google",
    feature = "vault"
))]
pub(crate) mod vendors;
