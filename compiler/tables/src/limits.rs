//! What the maps of one side hold.

use std::fmt;

use polc_abi::{
    map::{MAX_ADDRESSES, MAX_ENDPOINTS, MAX_NAMED_PORTS, MAX_PREFIXES},
    policy::{MAX_PORT_NAMES, MAX_PROGRAMS, MAX_SIGNATURE_BYTES},
};

/// A bundle and an inventory that do not fit the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TablesError {
    /// The selectors that the node's programs test take this many bytes of a signature.
    Selectors(usize),
    /// The node's programs ask for this many names of ports.
    Names(usize),
    /// The node's endpoints have this many policy classes.
    Classes(usize),
    /// This many endpoints are on the node.
    Endpoints(usize),
    /// The inventory has this many addresses.
    Addresses(usize),
    /// The inventory gives names to this many ports that the policies on this node ask for.
    NamedPorts(usize),
    /// The policies name this many CIDR blocks, the default routes among them.
    Prefixes(usize),
}

impl fmt::Display for TablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const POLICIES: &str = "the policies on this node need up to";
        const INVENTORY: &str = "the inventory has";
        let (need, count, what, limit) = match *self {
            Self::Selectors(bytes) => (
                POLICIES,
                bytes,
                "bytes for selectors, of which each policy has bytes of its own",
                MAX_SIGNATURE_BYTES,
            ),
            Self::Names(count) => (POLICIES, count, "names of ports", MAX_PORT_NAMES),
            Self::Classes(count) => (POLICIES, count, "policy classes", MAX_PROGRAMS as usize),
            Self::Endpoints(count) => (
                INVENTORY,
                count,
                "endpoints on this node",
                MAX_ENDPOINTS as usize,
            ),
            Self::Addresses(count) => (INVENTORY, count, "addresses", MAX_ADDRESSES as usize),
            Self::NamedPorts(count) => (
                INVENTORY,
                count,
                "named ports that the policies on this node ask for",
                MAX_NAMED_PORTS as usize,
            ),
            Self::Prefixes(count) => (POLICIES, count, "CIDR blocks", MAX_PREFIXES as usize),
        };
        write!(f, "{need} {count} {what}; the limit is {limit}")
    }
}

impl std::error::Error for TablesError {}

/// Refuses more than one side of a map holds, before anything is written to it.
pub(crate) fn fit(
    count: usize,
    limit: u32,
    error: fn(usize) -> TablesError,
) -> Result<(), TablesError> {
    if count > limit as usize {
        return Err(error(count));
    }
    Ok(())
}
