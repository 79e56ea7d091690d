//! Servers that the tests start for themselves: throwaway, loopback only.

pub(crate) mod postgres;

#[cfg(feature = "vault")]
#[path = "../../../providers/vault/tests/it/openbao.rs"]
pub(crate) mod openbao;
