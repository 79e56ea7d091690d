//! What exists: environments, secrets, consumers, schedules, as files that people write.

mod definition;

pub use definition::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, Reference, Role,
    StoreSpec, VerifySpec,
};
