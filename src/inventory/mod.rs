//! What exists: environments, secrets, consumers, schedules, as files that people write.

mod definition;
pub(crate) mod keys;
mod kinds;
mod template;

pub use definition::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, Reference, Role,
    StoreSpec, VerifySpec,
};
pub use template::{Template, TemplateError};
