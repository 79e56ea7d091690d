//! One rotation: where it is, what is known, what to do next, and the doing.

pub mod crowd;
pub mod decide;
pub mod engine;
pub mod execute;
pub mod facts;
pub mod gate;
pub mod leaks;
pub mod open;
pub mod phase;
pub mod plan;
pub mod report;
pub mod values;
pub mod words;

/// Name of the sealed fields of the candidate.
pub const CANDIDATE: &str = "candidate";
/// Subject of the waiver by which a person says that the old credential was ended at its issuer.
pub const OLD_REVOKED: &str = "old-revoked";
/// The same of the credential that a rotation on its way back leaves behind.
pub const NEW_REVOKED: &str = "new-revoked";
/// Subject of the waiver by which a person says that whoever still uses the old credential may lose it.
pub const OLD_UNUSED: &str = "old-unused";
/// Subject of the waiver by which a person says that nobody has to be seen using the new credential.
pub const NEW_USED: &str = "new-used";
