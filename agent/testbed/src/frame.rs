//! Frames made by hand: spoofed, malformed, cut short.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ping::checksum;

/// An Ethernet frame to the node's end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
}

/// What the testbed gives the node's end of every link.
pub(crate) const NODE: [u8; 6] = [0x02, 0, 0, 0, 0, 0xfe];
const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// Bytes of the Ethernet header.
const LINK: usize = 14;

impl Frame {
    /// Any payload.
    #[must_use]
    pub fn new(ethertype: u16, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(LINK + payload.len());
        bytes.extend(NODE);
        bytes.extend(SENDER);
        bytes.extend(ethertype.to_be_bytes());
        bytes.extend(payload);
        Self { bytes }
    }

    /// An IPv4 or IPv6 packet. Both addresses have the same family; otherwise the source's counts
    /// and the destination is zero.
    #[must_use]
    pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Self {
        match source {
            IpAddr::V4(source) => {
                let destination = match destination {
                    IpAddr::V4(destination) => destination,
                    IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
                };
                let length = (20 + payload.len()) as u16;
                let [length_high, length_low] = length.to_be_bytes();
                let mut header = vec![
                    0x45,
                    0,
                    length_high,
                    length_low,
                    0,
                    1,
                    0,
                    0,
                    64,
                    protocol,
                    0,
                    0,
                ];
                header.extend(source.octets());
                header.extend(destination.octets());
                let sum = checksum(&header).to_be_bytes();
                header.splice(10..12, sum);
                header.extend(payload);
                Self::new(0x0800, &header)
            }
            IpAddr::V6(source) => {
                let destination = match destination {
                    IpAddr::V6(destination) => destination,
                    IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
                };
                let [length_high, length_low] = (payload.len() as u16).to_be_bytes();
                let mut header = vec![0x60, 0, 0, 0, length_high, length_low, protocol, 64];
                header.extend(source.octets());
                header.extend(destination.octets());
                header.extend(payload);
                Self::new(0x86dd, &header)
            }
        }
    }

    /// A UDP datagram with a payload of four bytes. Over IPv6 its checksum is zero, which receivers
    /// refuse, but what is in between does not look at it.
    #[must_use]
    pub fn udp(source: (IpAddr, u16), destination: (IpAddr, u16)) -> Self {
        let mut payload = Vec::new();
        payload.extend(source.1.to_be_bytes());
        payload.extend(destination.1.to_be_bytes());
        payload.extend([0, 12, 0, 0]);
        payload.extend(b"polc");
        Self::ip(source.0, destination.0, 17, &payload)
    }

    /// A TCP header with these flags, and nothing behind it. Both its numbers are zero.
    #[must_use]
    pub fn tcp(source: (IpAddr, u16), destination: (IpAddr, u16), flags: u8) -> Self {
        Self::segment(source, destination, flags, [0; 2], &[])
    }

    /// A TCP segment with these flags, sequence and acknowledgement number, and payload. Its checksum
    /// is zero, which receivers refuse, but what is in between does not look at it.
    #[must_use]
    pub fn segment(
        source: (IpAddr, u16),
        destination: (IpAddr, u16),
        flags: u8,
        numbers: [u32; 2],
        payload: &[u8],
    ) -> Self {
        let mut segment = Vec::new();
        segment.extend(source.1.to_be_bytes());
        segment.extend(destination.1.to_be_bytes());
        for number in numbers {
            segment.extend(number.to_be_bytes());
        }
        segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        Self::ip(source.0, destination.0, 6, &segment)
    }

    /// To another station of the link.
    #[must_use]
    pub fn to_station(mut self, address: [u8; 6]) -> Self {
        for (byte, value) in self.bytes.iter_mut().zip(address) {
            *byte = value;
        }
        self
    }

    /// Cut to this many bytes behind the Ethernet header.
    #[must_use]
    pub fn cut_to(mut self, length: usize) -> Self {
        self.bytes.truncate(LINK + length);
        self
    }

    /// With one byte behind the Ethernet header replaced; unchanged beyond the end.
    #[must_use]
    pub fn with_byte(mut self, at: usize, value: u8) -> Self {
        if let Some(byte) = self.bytes.get_mut(LINK + at) {
            *byte = value;
        }
        self
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
