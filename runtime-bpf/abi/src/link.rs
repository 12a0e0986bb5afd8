//! The link between an endpoint and its node, as far as delivering past the node's stack needs it.

use crate::Plain;

/// What a packet needs to enter an endpoint by `bpf_redirect_peer`, as if the node had routed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Link {
    /// Hardware address of the endpoint's end.
    pub endpoint_mac: [u8; 6],
    /// Hardware address of the node's end.
    pub node_mac: [u8; 6],
    /// Most bytes of a packet, from L3 on, that both ends take. Zero where packets must go through
    /// the node's stack: then the rest says nothing.
    pub mtu: u16,
    /// Bits of [`link_flag`].
    pub flags: u16,
}

/// Flags of a [`Link`].
pub mod link_flag {
    /// What comes from an uplink goes past the node's stack, too.
    pub const FROM_UPLINKS: u16 = 1;
}

/// In the place of an interface's index: wherever the node's routes lead, past its stack.
pub const OUTSIDE: u32 = u32::MAX;

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Link {}

impl Link {
    /// A link that only the node's stack can deliver to.
    pub const ROUTED: Self = Self {
        endpoint_mac: [0; 6],
        node_mac: [0; 6],
        mtu: 0,
        flags: 0,
    };

    /// Whether packets may enter the endpoint past the node's stack.
    #[inline(always)]
    #[must_use]
    pub const fn is_direct(&self) -> bool {
        self.mtu != 0
    }

    /// Whether that goes for what comes from an uplink, too.
    #[inline(always)]
    #[must_use]
    pub const fn is_direct_from_uplinks(&self) -> bool {
        self.is_direct() && self.flags & link_flag::FROM_UPLINKS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout() {
        crate::assert_layout!(Link, 16, [[u8; 6], [u8; 6], u16, u16]);
    }
}
