//! What runs in a cluster, from the manifests of its objects: workloads, namespaces, nodes, services and
//! what brings traffic in.
//!
//! ```text
//! texts ──objects──► objects, out of documents and lists
//!                       │
//!                       ├──workload, pod──► workloads
//!                       ├──service, endpoints──► services
//!                       └──entrance──► what Ingress and Route objects let in
//! ```
//!
//! These objects are not ours to validate: fields that are not needed here are not looked at. A value
//! of another type in one that is needed is an error with its place.

mod cluster;
mod endpoints;
mod entrance;
mod fields;
mod objects;
mod pod;
mod references;
mod service;
#[cfg(test)]
mod tests;
mod workload;

pub use cluster::Cluster;
pub use endpoints::Endpoints;
pub use entrance::{Backend, Entrance};
pub use pod::{ContainerPort, PodNetwork};
pub use service::{PortRef, Service, ServicePort};
pub use workload::Workload;
