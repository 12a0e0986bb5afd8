//! Numbers for Prometheus.
//!
//! - [`meters`]: what the agent itself counts
//! - [`collect`]: these and what the kernel counts, as text
//! - [`server`]: the text over HTTP

pub mod collect;
pub mod meters;
pub mod server;

pub use collect::text;
pub use meters::Meters;

use crate::Error;

/// A name or a label that Prometheus does not take would be a fault of ours.
fn unusable(cause: prometheus::Error) -> Error {
    Error::kernel("making metrics")(std::io::Error::other(cause))
}
