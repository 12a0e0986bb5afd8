//! Names and sizes of the datapath's maps. The kernel keeps 15 characters of a name.

use crate::node::Side;

/// Endpoints of a side: hash, interface index to [`Endpoint`](crate::node::Endpoint).
#[must_use]
pub const fn endpoints(side: Side) -> &'static str {
    match side {
        Side::Zero => "endpoints_0",
        Side::One => "endpoints_1",
    }
}

/// Addresses of a side: hash, [`Address`](crate::key::Address) to [`Peer`](crate::node::Peer).
#[must_use]
pub const fn addresses(side: Side) -> &'static str {
    match side {
        Side::Zero => "addresses_0",
        Side::One => "addresses_1",
    }
}

/// Prefixes of a side: longest-prefix trie, [`PrefixKey`](crate::node::PrefixKey) to
/// [`Peer`](crate::node::Peer).
#[must_use]
pub const fn prefixes(side: Side) -> &'static str {
    match side {
        Side::Zero => "prefixes_0",
        Side::One => "prefixes_1",
    }
}

/// Array of one [`State`](crate::node::State), mapped into the agent's memory.
pub const STATE: &str = "state";
/// Program array: generated programs of both sides.
pub const POLICIES: &str = "policies";
/// LRU hash: [`FlowKey`](crate::flow::FlowKey) to [`Flow`](crate::flow::Flow).
pub const FLOWS: &str = "flows";
/// LRU hash, private to the datapath: ports of first fragments.
pub const FRAGMENTS: &str = "fragments";
/// Per-CPU array of one, private to the datapath: the packet at hand.
pub const PACKET: &str = "packet";
/// Ring buffer of [`Event`](crate::event::Event).
pub const EVENTS: &str = "events";
/// Per-CPU array of one `u64`: events that the ring buffer had no room for.
pub const LOST_EVENTS: &str = "lost_events";
/// Per-CPU array: [`DropReason`](crate::verdict::DropReason) to
/// [`Counter`](crate::event::Counter).
pub const DROPS: &str = "drops";
/// Per-CPU hash: [`VerdictCounterKey`](crate::event::VerdictCounterKey) to
/// [`Counter`](crate::event::Counter). Counts what was judged: the first packet of a flow, its
/// first after a change, and what policy dropped. The flow itself counts the rest.
pub const VERDICTS: &str = "verdicts";

/// Every map that outlives the agent.
pub const ALL: [&str; 17] = [
    endpoints(Side::Zero),
    endpoints(Side::One),
    addresses(Side::Zero),
    addresses(Side::One),
    prefixes(Side::Zero),
    prefixes(Side::One),
    STATE,
    POLICIES,
    crate::policy::CONTINUATIONS_MAP,
    crate::policy::INPUT_MAP,
    PACKET,
    FLOWS,
    FRAGMENTS,
    EVENTS,
    LOST_EVENTS,
    DROPS,
    VERDICTS,
];

/// Endpoints of one side.
pub const MAX_ENDPOINTS: u32 = 4096;
/// Addresses of one side.
pub const MAX_ADDRESSES: u32 = 131_072;
/// Prefixes of one side.
pub const MAX_PREFIXES: u32 = 65_536;
/// Named ports of one side.
pub const MAX_NAMED_PORTS: u32 = 262_144;
/// Flows of the node.
pub const MAX_FLOWS: u32 = 262_144;
/// Fragmented datagrams under way.
pub const MAX_FRAGMENTS: u32 = 8192;
/// Deciders of both sides that are counted.
pub const MAX_VERDICTS: u32 = 65_536;
/// Bytes of the ring buffer.
pub const EVENT_BYTES: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    #[test]
    fn the_kernel_keeps_every_name_whole() {
        assert!(super::ALL.iter().all(|name| name.len() <= 15));
    }
}
