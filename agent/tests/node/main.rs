//! The agent on a node with real packets: pods, a node and a host outside, all of them network
//! namespaces that the test makes and removes.
//!
//! Needs root and a kernel with BPF, and an agent that was built with its datapath; otherwise each
//! test says that it was skipped, and why.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod audit;
mod entities;
mod hostile;
mod inputs;
mod named;
mod package;
mod pressure;
mod reachability;
mod reject;
mod restart;
mod scene;
mod signatures;
mod source;
mod swap;
