//! How a credential is named: the role, and which of its values, by the salt of its verifier.

/// Bytes of a salt, as PostgreSQL itself takes (`SCRAM_DEFAULT_SALT_LEN`, `src/include/common/scram-common.h`).
pub(crate) const SALT_LENGTH: usize = 16;

/// The salt of a verifier. It is no secret: the server tells it to whoever begins to log in.
pub(crate) type Salt = [u8; SALT_LENGTH];

/// One value of a role.
pub(crate) type Value = keywheel_database::Value<SALT_LENGTH>;

/// A role and one of its values: `app_a/7-…`.
pub(crate) type Identity = keywheel_database::Identity<SALT_LENGTH>;
