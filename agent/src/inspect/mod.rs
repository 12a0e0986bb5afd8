//! What is in force, for people who look at it.
//!
//! - [`party`]: everybody that the inventory knows, as selectors see them
//! - [`endpoints`], [`peers`], [`policies`]: a list each

pub mod endpoints;
pub mod party;
pub mod peers;
pub mod policies;
