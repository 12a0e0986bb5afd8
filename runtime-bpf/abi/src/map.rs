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

/// Array of maps: for each side a table of [`Bucket`](crate::address::Bucket)s, made for as many
/// addresses as there are.
pub const ADDRESSES: &str = "addresses";
/// Flags of each of those tables: `BPF_F_MMAPABLE`, so that the agent writes it as memory and buckets
/// begin where lines of cache do, and `BPF_F_INNER_MAP`, so that each has a size of its own.
pub const ADDRESS_TABLE_FLAGS: u32 = 1 << 10 | 1 << 12;
/// Array of two `u32`: for each side how many buckets its table has, less one.
pub const ADDRESS_MASKS: &str = "address_masks";

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
/// LRU hash of settled flows, in which a flow is once both ends have shown that they want it:
/// [`FlowKey`](crate::flow::FlowKey) to [`Flow`](crate::flow::Flow).
pub const FLOWS: &str = "flows";
/// LRU hash of the others, and of connections that are over, shaped alike. Whoever floods the node with packets that nobody wants
/// fills this one, and takes no place of a settled flow.
pub const NEW_FLOWS: &str = "new_flows";
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
pub const ALL: [&str; 18] = [
    endpoints(Side::Zero),
    endpoints(Side::One),
    ADDRESSES,
    ADDRESS_MASKS,
    prefixes(Side::Zero),
    prefixes(Side::One),
    STATE,
    POLICIES,
    crate::policy::CONTINUATIONS_MAP,
    crate::policy::INPUT_MAP,
    PACKET,
    FLOWS,
    NEW_FLOWS,
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
/// Settled flows of the node, unless the agent is told otherwise.
pub const FLOWS_BY_DEFAULT: u32 = 262_144;
/// Fewest and most that it can be told. The kernel hands out entries to CPUs by up to 128 at once,
/// so that a table much smaller than that loses flows long before it is full.
pub const FLOWS_RANGE: core::ops::RangeInclusive<u32> = 1024..=16_777_216;
/// Flows that are not settled, beside so many that are: a quarter of them, but no fewer than there
/// can be at least of those.
#[must_use]
pub const fn new_flows(flows: u32) -> u32 {
    let quarter = flows / 4;
    if quarter < *FLOWS_RANGE.start() {
        *FLOWS_RANGE.start()
    } else {
        quarter
    }
}
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
