//! What is in force, for people who look at it.
//!
//! - [`party`]: everybody that the inventory knows, as selectors see them
//! - [`endpoints`], [`peers`], [`policies`]: a list each
//! - [`explain`]: why a packet gets its verdict

pub mod endpoints;
pub mod explain;
pub mod party;
pub mod peers;
pub mod policies;
