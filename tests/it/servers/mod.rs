//! Servers that the tests start for themselves: throwaway, loopback only.

pub(crate) mod postgres;
