//! What exists: environments, secrets, consumers, schedules, as files that people write.

mod addresses;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
mod consumers;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis"))]
mod database;
mod definition;
mod destinations;
mod difference;
#[cfg(feature = "doppler")]
mod doppler;
mod folders;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "google")]
mod google;
mod holdings;
#[cfg(feature = "http")]
mod http;
pub mod import;
mod issuer;
#[cfg(feature = "jwt")]
mod jwt;
pub(crate) mod keys;
mod kinds;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod layers;
mod machine;
mod marks;
#[cfg(feature = "mysql")]
mod mysql;
mod names;
mod network;
mod origins;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
#[cfg(feature = "redis")]
mod redis;
mod resolve;
mod runner;
mod schema;
mod sessions;
mod sources;
#[cfg(feature = "ssh")]
mod ssh;
mod starter;
mod systems;
mod tally;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timing;
mod used;
#[cfg(feature = "vault")]
mod vault;
mod workload;
mod world;

pub use definition::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, Reference, Role,
    StoreSpec, UnitBy, UnitSpec, VerifySpec, WorkloadSpec,
};
pub use difference::{Change, Difference, Weakening, difference, must_be_held};
pub use holdings::{Holding, Side, holdings};
pub use marks::{Crowd, Marks, mark_of};
pub(crate) use network::Source;
pub use origins::{ResolvedValue, origins};
pub use read::{Snapshot, problems, read};
pub use schema::schema;
pub use sources::{Sources, Team, TeamFile};
pub use starter::starter;
pub use tally::Tally;
pub use template::{Template, TemplateError};
pub use world::{Environment, Owner};
