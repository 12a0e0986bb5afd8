//! The maps. Names and sizes are part of the contract: see [`polc_abi::map`].

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps,
    macros::{btf_map, map},
    maps::{
        Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, PerCpuHashMap, ProgramArray, RingBuf,
        lpm_trie::Key,
    },
};
use polc_abi::{
    address::{self, Bucket, Entry},
    event::{Counter, Event, VerdictCounterKey},
    flow::{Flow, FlowKey},
    key::Address,
    map::{
        ADDRESS_TABLE_FLAGS, EVENT_BYTES, FLOWS_BY_DEFAULT, MAX_ENDPOINTS, MAX_FRAGMENTS,
        MAX_PREFIXES, MAX_VERDICTS, new_flows,
    },
    node::{Endpoint, Peer, Side, peer_flag},
    policy::{CONTINUATIONS, PROGRAM_SLOTS, PolicyInput},
    verdict::DROP_REASONS,
};

use crate::{
    bytes,
    packet::Packet,
    parse::fragment::{FirstFragment, FragmentKey},
};

/// `BPF_F_MMAPABLE`.
const MMAPABLE: u32 = 1 << 10;

#[map(name = "state")]
pub static STATE: Array<u64> = Array::with_max_entries(1, MMAPABLE);

#[map(name = "endpoints_0")]
static ENDPOINTS_0: HashMap<u32, Endpoint> = HashMap::with_max_entries(MAX_ENDPOINTS, 0);
#[map(name = "endpoints_1")]
static ENDPOINTS_1: HashMap<u32, Endpoint> = HashMap::with_max_entries(MAX_ENDPOINTS, 0);

/// One bucket here; the agent puts larger ones in place.
type AddressTable = btf_maps::Array<Bucket, 1, { ADDRESS_TABLE_FLAGS as usize }>;
#[btf_map(name = "addresses")]
static ADDRESSES: btf_maps::ArrayOfMaps<AddressTable, 2> = btf_maps::ArrayOfMaps::new();
#[map(name = "address_masks")]
static ADDRESS_MASKS: Array<u32> = Array::with_max_entries(2, 0);

#[map(name = "prefixes_0")]
static PREFIXES_0: LpmTrie<Address, Peer> =
    LpmTrie::with_max_entries(MAX_PREFIXES, BPF_F_NO_PREALLOC);
#[map(name = "prefixes_1")]
static PREFIXES_1: LpmTrie<Address, Peer> =
    LpmTrie::with_max_entries(MAX_PREFIXES, BPF_F_NO_PREALLOC);

#[map(name = "policies")]
pub static POLICIES: ProgramArray = ProgramArray::with_max_entries(PROGRAM_SLOTS, 0);
#[map(name = "continuations")]
pub static CONTINUATIONS_ARRAY: ProgramArray = ProgramArray::with_max_entries(CONTINUATIONS, 0);
#[map(name = "policy_input")]
pub static INPUT: PerCpuArray<PolicyInput> = PerCpuArray::with_max_entries(1, 0);
#[map(name = "packet")]
pub static PACKET: PerCpuArray<Packet> = PerCpuArray::with_max_entries(1, 0);

#[map(name = "flows")]
pub static FLOWS: LruHashMap<FlowKey, Flow> = LruHashMap::with_max_entries(FLOWS_BY_DEFAULT, 0);
#[map(name = "new_flows")]
pub static NEW_FLOWS: LruHashMap<FlowKey, Flow> =
    LruHashMap::with_max_entries(new_flows(FLOWS_BY_DEFAULT), 0);
#[map(name = "fragments")]
pub static FRAGMENTS: LruHashMap<FragmentKey, FirstFragment> =
    LruHashMap::with_max_entries(MAX_FRAGMENTS, 0);

#[map(name = "events")]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(EVENT_BYTES, 0);
#[map(name = "lost_events")]
pub static LOST_EVENTS: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);
#[map(name = "drops")]
pub static DROPS: PerCpuArray<Counter> = PerCpuArray::with_max_entries(DROP_REASONS, 0);
#[map(name = "verdicts")]
pub static VERDICTS: PerCpuHashMap<VerdictCounterKey, Counter> =
    PerCpuHashMap::with_max_entries(MAX_VERDICTS, BPF_F_NO_PREALLOC);

/// A ring buffer entry holds a whole event.
const _: () = assert!(size_of::<Event>() % 8 == 0);

/// The endpoint behind an interface of the node.
#[inline(always)]
pub fn endpoint(side: Side, ifindex: &u32) -> Option<&'static Endpoint> {
    // SAFETY: a side is filled before it is in force and cleared a grace period after.
    unsafe {
        match side {
            Side::Zero => ENDPOINTS_0.get(ifindex),
            Side::One => ENDPOINTS_1.get(ifindex),
        }
    }
}

/// The peer with exactly this address.
#[inline(always)]
pub fn address(side: Side, address: &Address) -> Option<&'static Peer> {
    let side = side as u32;
    let [first, second] = address::buckets(address, *ADDRESS_MASKS.get(side)?);
    in_bucket(ADDRESSES.get_value(side, &first)?, address)
        .or_else(|| in_bucket(ADDRESSES.get_value(side, &second)?, address))
}

#[inline(always)]
fn in_bucket(bucket: &'static Bucket, address: &Address) -> Option<&'static Peer> {
    let [first, second] = &bucket.0;
    // SAFETY: buckets are aligned to lines of cache, and addresses of packets to eight bytes.
    let is = |entry: &Entry| unsafe { bytes::same(&entry.address, address) };
    let found = if is(first) {
        first
    } else if is(second) {
        second
    } else {
        return None;
    };
    // Whoever comes from `::` would find an empty entry.
    (found.peer.flags & peer_flag::IN_USE != 0).then_some(&found.peer)
}

/// What the longest prefix around this address says.
#[inline(always)]
pub fn prefix(side: Side, address: Address) -> Option<&'static Peer> {
    let key = Key::new(128, address);
    match side {
        Side::Zero => PREFIXES_0.get(&key),
        Side::One => PREFIXES_1.get(&key),
    }
}
