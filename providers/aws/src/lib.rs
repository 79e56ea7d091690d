//! Store `aws-secrets-manager`: AWS Secrets Manager; issuer `aws-rotation`: the rotation that AWS has of its own; issuer
//! `aws-iam-key`: access keys of IAM users.
//!
//! A place is a secret, by name or full ARN, and the fields of its JSON text that are ours; without fields the value
//! is the whole content. A version is named by the token of the write's mark, which makes a write idempotent and
//! findable. It is staged under a label of our own and promoted by moving `AWSCURRENT` from exactly the version that
//! was seen before: somebody else's write in between makes the move fail.
//!
//! With `delegate` the store holds secrets that AWS rotates, and never writes: what AWS's rotation made current, which
//! the issuer started and watched, is found there and answered.
//!
//! Values of the SDK's types and its errors, whose `Debug` prints what the server sent, never leave this crate. Its
//! own retries are off. It keeps request and answer in buffers that are not wiped; ours are.

mod calls;
mod connect;
mod delegated;
mod examine;
mod iam;
mod key;
mod options;
mod policy;
mod probe;
mod quotas;
mod refusal;
mod rotation;
mod secret;
mod shape;
mod store;
mod versions;

pub use delegated::DelegatedStore;
pub use iam::{KeyIssuer, KeyOptions};
pub use options::{AccessKey, AssumeRole, AwsOptions, RotationOptions};
pub use rotation::RotationIssuer;
pub use store::AwsStore;
