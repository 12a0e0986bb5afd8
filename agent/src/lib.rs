//! The agent: it loads bundles on a node, keeps them in force, and says what they did.
//!
//! - [`candidate`]: a bundle and an inventory, read and computed; nothing has been touched yet
//! - [`dataplane`]: puts a candidate in force, all of it or nothing
//! - [`agent`]: the running agent
//! - [`datapath`], [`attach`], [`pins`]: the fixed programs, their hooks, and what outlives us
//! - [`delivery`]: which links packets may go past the node's stack
//! - [`trust`]: whose bundles it takes
//! - [`state_dir`]: which bundle is in force, for the agent that comes after us
//! - [`flows`]: what the datapath reports, with names and source lines
//! - [`inspect`]: what is in force, for people who look at it
//! - [`preflight`], [`capabilities`]: whether it can run here, and with which rights it does
//! - [`settings`], [`logging`]: what it is started with, and how it says things
//! - [`metrics`]: numbers for Prometheus
//! - [`api`], [`command`]: the socket, and one file for each subcommand
//! - [`sweeper`]: forgetting flows whose time is over
//! - [`sys`]: the kernel's own interfaces

pub mod agent;
pub mod api;
pub mod attach;
pub mod candidate;
pub mod capabilities;
mod changes;
pub mod command;
pub mod datapath;
pub mod dataplane;
pub mod delivery;
mod error;
pub mod flows;
pub mod followed;
pub mod inspect;
mod inventory_source;
mod links;
pub mod logging;
pub mod meaning;
pub mod metrics;
mod names;
pub mod pins;
mod predecessor;
pub mod preflight;
mod removal;
mod routes;
pub mod session;
mod set_endpoints;
pub mod settings;
pub mod state_dir;
pub mod status;
pub mod sweeper;
pub mod trial;
pub mod trust;
mod wanted;
mod watch;

pub use error::Error;
pub use polc_sys as sys;
