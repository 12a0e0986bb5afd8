//! The maps. Names and sizes are part of the contract: see [`polc_abi::map`].

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{
        Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, PerCpuHashMap, ProgramArray, RingBuf,
        lpm_trie::Key,
    },
};
use polc_abi::{
    event::{Counter, Event, VerdictCounterKey},
    flow::{Flow, FlowKey},
    key::Address,
    map::{
        EVENT_BYTES, FLOWS_BY_DEFAULT, MAX_ADDRESSES, MAX_ENDPOINTS, MAX_FRAGMENTS, MAX_PREFIXES,
        MAX_VERDICTS, new_flows,
    },
    node::{Endpoint, Peer, Side},
    policy::{CONTINUATIONS, PROGRAM_SLOTS, PolicyInput},
    verdict::DROP_REASONS,
};

use crate::{
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

#[map(name = "addresses_0")]
static ADDRESSES_0: HashMap<Address, Peer> =
    HashMap::with_max_entries(MAX_ADDRESSES, BPF_F_NO_PREALLOC);
#[map(name = "addresses_1")]
static ADDRESSES_1: HashMap<Address, Peer> =
    HashMap::with_max_entries(MAX_ADDRESSES, BPF_F_NO_PREALLOC);

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
    // SAFETY: as in `endpoint`.
    unsafe {
        match side {
            Side::Zero => ADDRESSES_0.get(address),
            Side::One => ADDRESSES_1.get(address),
        }
    }
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
