//! **Connections**: who may talk to whom on what, from the policies of a package and the workloads of
//! a cluster.
//!
//! ```text
//! Model, Cluster ──peers──► workloads, ranges of addresses, names
//!                ──selection──► which selector selects which of them
//!                ──class──► workloads that no policy tells apart, once
//!                ──end, table──► what an end allows with each peer: sets of L4 keys
//!                ──matrix──► what both ends allow
//! ```
//!
//! Nothing is tried out: whole sets of ports are decided at a time, by the same precedence as one packet
//! in the reference interpreter.

mod class;
mod end;
mod entrances;
mod explain;
mod l4_set;
mod matrix;
mod peers;
mod selection;
mod table;
#[cfg(test)]
mod tests;

pub use end::Piece;
pub use explain::Reason;
pub use l4_set::{L4Set, Share};
pub use matrix::{Connection, Connections, PeerIndex};
pub use peers::{AddressRange, Peer};
