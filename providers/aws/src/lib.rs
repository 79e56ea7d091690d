//! Store `aws-secrets-manager`: AWS Secrets Manager.
//!
//! A place is a secret, by name or full ARN, and the fields of its JSON text that are ours; without fields the value
//! is the whole content. A version is named by the token of the write's mark, which makes a write idempotent and
//! findable. It is staged under a label of our own and promoted by moving `AWSCURRENT` from exactly the version that
//! was seen before: somebody else's write in between makes the move fail.
//!
//! Values of the SDK's types and its errors, whose `Debug` prints what the server sent, never leave this crate. Its
//! own retries are off. It keeps request and answer in buffers that are not wiped; ours are.

mod calls;
mod connect;
mod examine;
mod key;
mod options;
mod policy;
mod probe;
mod quotas;
mod refusal;
mod secret;
mod shape;
mod store;
mod versions;

pub use options::{AccessKey, AssumeRole, AwsOptions};
pub use store::AwsStore;
