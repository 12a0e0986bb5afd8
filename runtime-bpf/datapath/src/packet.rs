//! The packet at hand, in per-CPU memory, so that it survives tail calls.

use polc_abi::{
    event::Hook,
    flow::{Direction, FlowKey},
    key::Address,
    node::Side,
};

use crate::{bytes, maps::PACKET};

/// Everything that was found out about the packet at hand.
///
/// One for each CPU is enough: the hooks run with bottom halves disabled, so that no packet
/// interrupts another on the same CPU.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Packet {
    /// The flow it belongs to, as the endpoint sees it.
    pub key: FlowKey,
    /// Its L4 key.
    pub l4: u32,
    /// Monotonic nanoseconds.
    pub time_ns: u64,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// The state word's epoch.
    pub epoch: u32,
    /// The state word's side.
    pub side: u32,
    /// The endpoint's id.
    pub endpoint: u32,
    /// Bytes from L3 on.
    pub bytes: u32,
    /// [`ARMED`] while a policy program is being asked about this packet.
    pub armed: u32,
    /// A [`DeciderId`](polc_abi::verdict::DeciderId), once policy was asked.
    pub decider: u32,
    /// Where its L4 header begins, counted from the link header; zero when it has none.
    pub l4_at: u16,
    /// Bytes from there to the packet's end, by its own word.
    pub l4_length: u16,
    /// L4 key of the packet that started the flow; what policy is asked about.
    pub asked_l4: u32,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// TCP flags.
    pub tcp_flags: u8,
    /// A [`Direction`]: whose policy judges.
    pub direction: u8,
    /// A [`Hook`].
    pub hook: u8,
    /// One of [`known`].
    pub known: u8,
    /// A [`Verdict`](polc_abi::verdict::Verdict), once policy was asked.
    pub verdict: u32,
    /// TCP: sequence number.
    pub sequence: u32,
    /// TCP: acknowledgement number.
    pub acknowledgement: u32,
    /// TCP: bytes of the header.
    pub header_length: u32,
    /// Where in the IPv4 options the parser is.
    pub cursor: u32,
    /// Of a fragment: identifier of the datagram.
    pub fragment_id: u32,
    /// Of a fragment: where in the datagram it belongs, in units of eight bytes.
    pub fragment_offset: u16,
    /// Of a fragment: what the datagram's fragment headers say comes first.
    pub fragment_protocol: u8,
    /// Whether it is a datagram's first fragment, and not all of it.
    pub is_first_fragment: bool,
    /// Whether it is an ICMP error. Then `key` is the flow that it speaks about.
    pub is_error: bool,
    /// Whether it enters its endpoint past the node's stack if that one's policy lets it. If its sender
    /// is an endpoint of this node, it has passed that one's policy.
    pub is_delivered: bool,
    /// Index of the interface whose endpoint the packet goes on to past the node's stack, or
    /// [`OUTSIDE`](polc_abi::link::OUTSIDE); [`NODE`](polc_abi::node::NODE) where the node's policy is
    /// asked next; else zero.
    pub past_stack: u32,
    /// Of a packet that is delivered: index of the interface that it came in by.
    pub arrived: u32,
    /// A [`Hook`]: where the packet is, whoever's policy is asked.
    pub place: u8,
    /// Zero.
    pub reserved: u8,
}

// Addresses are copied and compared as words, and all of it is made zero as words.
const _: () = assert!(align_of::<Packet>() == 8 && size_of::<Packet>() % 8 == 0);
const _: () = assert!(
    core::mem::offset_of!(Packet, source) % 8 == 0
        && core::mem::offset_of!(Packet, destination) % 8 == 0
        && core::mem::offset_of!(Packet, key) % 8 == 0
        && core::mem::offset_of!(FlowKey, local) % 8 == 0
        && core::mem::offset_of!(FlowKey, remote) % 8 == 0
);

/// Value of [`Packet::armed`]. Anything else means that a policy program runs without a packet.
pub const ARMED: u32 = 1;

/// What is known of the packet's flow before policy is asked.
pub mod known {
    /// Nothing: it is new.
    pub const NEW: u8 = 0;
    /// It was judged in an older epoch.
    pub const STALE: u8 = 1;
}

impl Packet {
    /// This CPU's, as the packet before left it. `None` never happens, but the verifier asks.
    #[inline(always)]
    pub fn at_hand() -> Option<&'static mut Self> {
        // SAFETY: the element exists once for each CPU and nothing else refers to it (see above).
        PACKET.get_ptr_mut(0).map(|packet| unsafe { &mut *packet })
    }

    /// The side that judges it.
    #[inline(always)]
    pub fn side(&self) -> Side {
        if self.side == 0 {
            Side::Zero
        } else {
            Side::One
        }
    }

    /// From here on the packet is as its other end sees it.
    #[inline(always)]
    pub fn turn(&mut self) {
        let (local_port, remote_port) = (self.key.local_port, self.key.remote_port);
        self.key.local_port = remote_port;
        self.key.remote_port = local_port;
        // SAFETY: two fields of the packet memory, which are aligned: asserted below the type.
        unsafe { bytes::swap(&raw mut self.key.local, &raw mut self.key.remote) };
        self.known = known::NEW;
        self.verdict = 0;
        self.decider = 0;
    }

    /// Forgets the packet before and begins with this one.
    #[inline(always)]
    pub fn begin(&mut self, hook: Hook, ifindex: u32, length: u32, time_ns: u64) {
        // SAFETY: asserted below the type, and made of integers.
        unsafe { bytes::zero(self) };
        self.hook = hook as u8;
        self.direction = match hook {
            Hook::FromEndpoint | Hook::FromNode => Direction::Egress as u8,
            Hook::ToEndpoint | Hook::FromUplink | Hook::ToNode => Direction::Ingress as u8,
        };
        self.place = hook as u8;
        self.key.ifindex = ifindex;
        self.bytes = length;
        self.time_ns = time_ns;
    }
}
