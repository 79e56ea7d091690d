//! Store `kubernetes`: Secrets of a cluster. Consumer [`Workload`]: Deployments, `StatefulSet`s and `DaemonSet`s.
//!
//! A place is a Secret (`namespace/name`) and the keys of it that are ours. A write is one server-side apply as the
//! field manager `keywheel`, fenced by the `resourceVersion` that we saw, so that nobody's write is overwritten; keys of
//! other people are not in it. A Secret that does not exist yet is created by the one call that fails where something
//! stands already.
//!
//! A Secret has no versions: what a write replaces is gone. The one version of a place is what stands there now, named
//! by a keyed fingerprint of our keys' values; an annotation says under which mark it was written.

mod cluster;
mod discover;
mod examine;
mod fields;
mod managed;
mod mark;
mod options;
mod place;
mod refusal;
mod rights;
mod secret;
mod store;
mod transport;
mod workload;

pub use options::KubernetesOptions;
pub use store::KubernetesStore;
pub use workload::Workload;
