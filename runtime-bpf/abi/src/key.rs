//! How a packet is seen by policy: one 24-bit key for everything above L3, and addresses.

/// Protocol and port, or ICMP type and code, as one number:
/// `protocol << 16 | port`, or `protocol << 16 | type << 8 | code`.
///
/// Ports are destination ports in host order. Protocols without ports, and packets that cannot
/// be parsed to their L4 header, have zero in the lower half. A match on ports is then an
/// interval of keys, and a match on anything is `ANY_FIRST..=ANY_LAST`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct L4Key(pub u32);

/// IP protocol numbers that polc knows by name.
pub mod protocol {
    /// Internet Control Message Protocol for IPv4.
    pub const ICMP: u8 = 1;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// Internet Control Message Protocol for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;
}

impl L4Key {
    /// The first key of all.
    pub const ANY_FIRST: Self = Self(0);
    /// The last key of all: protocol 255, port 65535.
    pub const ANY_LAST: Self = Self(0x00ff_ffff);

    /// A protocol with a destination port, in host order.
    #[must_use]
    pub const fn port(protocol: u8, port: u16) -> Self {
        Self(((protocol as u32) << 16) | port as u32)
    }

    /// ICMP or ICMPv6 with type and code.
    #[must_use]
    pub const fn icmp(protocol: u8, kind: u8, code: u8) -> Self {
        Self(((protocol as u32) << 16) | ((kind as u32) << 8) | code as u32)
    }

    /// The protocol number.
    #[must_use]
    pub const fn protocol(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// The lower half: a port, or type and code.
    #[must_use]
    pub const fn low(self) -> u16 {
        self.0 as u16
    }
}

/// An address of either family: IPv6 as it is, IPv4 in its mapped form `::ffff:a.b.c.d`.
pub type Address = [u8; 16];

/// The mapped form of an IPv4 address.
#[must_use]
pub const fn ipv4(octets: [u8; 4]) -> Address {
    let [a, b, c, d] = octets;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// Bits that the mapped form puts before an IPv4 prefix.
pub const IPV4_PREFIX_OFFSET: u32 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_protocol_then_port() {
        assert!(L4Key::port(protocol::TCP, u16::MAX) < L4Key::port(protocol::UDP, 0));
        assert!(L4Key::port(255, u16::MAX) == L4Key::ANY_LAST);
        let echo = L4Key::icmp(protocol::ICMP, 8, 0);
        assert_eq!((echo.protocol(), echo.low()), (1, 0x0800));
    }
}
