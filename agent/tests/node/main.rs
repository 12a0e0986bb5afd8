//! The agent on a node with real packets: pods, a node and a host outside, all of them network
//! namespaces that the test makes and removes.
//!
//! Needs root and a kernel with BPF, and an agent that was built with its datapath; otherwise each
//! test says that it was skipped, and why.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod audit;
mod delivery;
mod entities;
mod explain;
mod flows;
mod follow;
mod host;
mod hostile;
mod injection;
mod inputs;
mod killed;
mod kubernetes;
mod lists;
mod metrics;
mod named;
mod package;
mod preflight;
mod pressure;
mod privileges;
mod reachability;
mod reject;
mod restart;
mod scene;
mod service;
mod set;
mod signatures;
mod source;
mod swap;
mod transactions;
mod trial;
mod upgrade;
mod variants;
