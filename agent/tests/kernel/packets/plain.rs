//! A plain parser of frames, written from the RFCs and from docs/agent.md's list of what cannot be
//! judged, with slices and without the datapath's tricks.

use std::net::{IpAddr, Ipv6Addr};

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Arp,
    /// Neither ARP nor IP, tagged frames among it.
    Other,
    /// By its word an IP packet, which contradicts itself.
    Malformed,
    Packet(Packet),
}

/// An IP packet that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) hop_limit: u8,
    pub(super) fragment: Option<Fragment>,
    pub(super) body: Body,
}

/// Which part of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// In units of eight bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
    /// The protocol that is part of the datagram's name.
    pub(super) protocol: u8,
}

/// What is behind the network header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Tcp {
        ports: [u16; 2],
        flags: u8,
    },
    /// UDP or SCTP.
    Ports {
        protocol: u8,
        ports: [u16; 2],
    },
    Icmp {
        protocol: u8,
        kind: u8,
        code: u8,
        identifier: u16,
        /// Behind the header of eight bytes.
        rest: Vec<u8>,
    },
    Protocol(u8),
    /// A fragment other than the first.
    Continued,
}

/// The network header of a packet, and what is behind it.
struct Network<'a> {
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    protocol: u8,
    fragment: Option<Fragment>,
    body: &'a [u8],
}

pub(super) fn frame(bytes: &[u8]) -> Frame {
    let Some((header, packet)) = bytes.split_at_checked(14) else {
        return Frame::Other;
    };
    let network = match header {
        [.., 0x08, 0x06] => return Frame::Arp,
        [.., 0x08, 0x00] => ipv4(packet, Whole::Asked),
        [.., 0x86, 0xdd] => ipv6(packet, Whole::Asked),
        _ => return Frame::Other,
    };
    match network.and_then(|network| packet_of(&network)) {
        Some(packet) => Frame::Packet(packet),
        None => Frame::Malformed,
    }
}

/// The source address, for who looks no further: at the IPv6 header and not behind it. `None` where
/// even that is malformed; `Some(None)` where there is none.
pub(super) fn source(bytes: &[u8]) -> Option<Option<IpAddr>> {
    let packet = bytes.get(14..)?;
    match bytes.get(12..14)? {
        [0x08, 0x00] => {
            let header = packet.get(..20)?;
            let words = header[0] & 0x0f;
            (header[0] >> 4 == 4 && words >= 5).then(|| Some(ipv4_address(&header[12..])))
        }
        [0x86, 0xdd] => ipv6_ends(packet).map(|(source, _)| Some(source)),
        _ => Some(None),
    }
}

/// Whether all of a packet must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Asked,
    /// An ICMP error quotes the beginning.
    NotAsked,
}

/// RFC 791.
fn ipv4(bytes: &[u8], whole: Whole) -> Option<Network<'_>> {
    let header = bytes.get(..20)?;
    let words = usize::from(header[0] & 0x0f);
    if header[0] >> 4 != 4 || words < 5 {
        return None;
    }
    let start = words * 4;
    let length = usize::from(number(&header[2..]));
    let body = match whole {
        Whole::Asked => {
            let options = bytes.get(20..start)?;
            if !is_routed_by_tables(options) {
                return None;
            }
            bytes.get(start..length)?
        }
        Whole::NotAsked => bytes.get(start..)?,
    };
    let field = number(&header[6..]);
    let (offset, more) = (field & 0x1fff, field & 0x2000 != 0);
    let fragment = Fragment {
        id: number(&header[4..]).into(),
        offset,
        more,
        protocol: header[9],
    };
    Some(Network {
        source: ipv4_address(&header[12..]),
        destination: ipv4_address(&header[16..]),
        hop_limit: header[8],
        protocol: header[9],
        fragment: (more || offset != 0).then_some(fragment),
        body,
    })
}

/// Whether the options can be followed to their end, and none says which way the packet goes: loose
/// (131) or strict (137) source routes.
fn is_routed_by_tables(mut options: &[u8]) -> bool {
    loop {
        options = match *options {
            [] | [0, ..] => return true,
            [1, ref rest @ ..] => rest,
            [131 | 137, ..] => return false,
            [_, length, ..] if length >= 2 => match options.get(usize::from(length)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        };
    }
}

fn ipv6_ends(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let header = bytes.get(..40)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = header.get(at..at + 16)?.try_into().ok()?;
        let address = Ipv6Addr::from(octets);
        // Tables hold IPv4 addresses like this.
        address.to_ipv4_mapped().is_none().then_some(address)
    };
    Some((address(8)?.into(), address(24)?.into()))
}

/// RFC 8200, with the extension headers of section 4 and of RFC 4302.
fn ipv6(bytes: &[u8], whole: Whole) -> Option<Network<'_>> {
    let (source, destination) = ipv6_ends(bytes)?;
    let length = usize::from(number(&bytes[4..]));
    let mut body = match whole {
        Whole::Asked => bytes.get(40..40 + length)?,
        Whole::NotAsked => &bytes[40..],
    };
    let mut protocol = bytes[6];
    let mut fragment: Option<Fragment> = None;
    let mut headers = 0;
    while matches!(protocol, 0 | 43 | 44 | 51 | 60) {
        headers += 1;
        let extension = body.get(..8)?;
        let length = match protocol {
            // Hop-by-hop options come first or not at all.
            0 if headers > 1 => return None,
            // The way goes on from the destination.
            43 if extension[3] != 0 => return None,
            44 if fragment.is_some() => return None,
            44 => 8,
            51 => (usize::from(extension[1]) + 2) * 4,
            _ => (usize::from(extension[1]) + 1) * 8,
        };
        if protocol == 44 {
            let field = number(&extension[2..]);
            fragment = Some(Fragment {
                id: u32::from(number(&extension[4..])) << 16 | u32::from(number(&extension[6..])),
                offset: field >> 3,
                more: field & 1 != 0,
                protocol: extension[0],
            });
        }
        protocol = extension[0];
        body = body.get(length..)?;
        if fragment.is_some_and(|fragment| fragment.offset != 0) {
            break;
        }
        // More than anybody needs: nobody looks behind the sixth.
        if headers == 6 {
            return None;
        }
    }
    // RFC 6946: a datagram in one piece is none in pieces.
    let fragment = fragment.filter(|fragment| fragment.more || fragment.offset != 0);
    Some(Network {
        source,
        destination,
        hop_limit: bytes[7],
        protocol,
        fragment,
        body,
    })
}

fn packet_of(network: &Network<'_>) -> Option<Packet> {
    if let Some(fragment) = network.fragment {
        let last = usize::from(fragment.offset) * 8 + network.body.len();
        // What is not the end has whole units, and nothing is longer than a datagram can be.
        if last > 65_535 || (fragment.more && !network.body.len().is_multiple_of(8)) {
            return None;
        }
    }
    let body = match network.fragment {
        Some(fragment) if fragment.offset != 0 => Body::Continued,
        _ => l4(network.protocol, network.body, network.fragment.is_some())?,
    };
    Some(Packet {
        source: network.source,
        destination: network.destination,
        hop_limit: network.hop_limit,
        fragment: network.fragment,
        body,
    })
}

/// RFC 9293, 768, 9260, 792, 4443: a header that does not fit is malformed.
fn l4(protocol: u8, bytes: &[u8], in_pieces: bool) -> Option<Body> {
    let ports = || Some([number(bytes.get(0..2)?), number(bytes.get(2..4)?)]);
    match protocol {
        6 => {
            let header = bytes.get(..20)?;
            let length = usize::from(header[12] >> 4) * 4;
            (length >= 20 && length <= bytes.len()).then_some(Body::Tcp {
                ports: ports()?,
                flags: header[13],
            })
        }
        17 => {
            let length = usize::from(number(&bytes.get(..8)?[4..]));
            (length >= 8 && (in_pieces || length <= bytes.len())).then_some(Body::Ports {
                protocol,
                ports: ports()?,
            })
        }
        132 => {
            bytes.get(..12)?;
            Some(Body::Ports {
                protocol,
                ports: ports()?,
            })
        }
        1 | 58 => {
            let (header, rest) = bytes.split_at_checked(8)?;
            Some(Body::Icmp {
                protocol,
                kind: header[0],
                code: header[1],
                identifier: number(&header[4..]),
                rest: rest.to_vec(),
            })
        }
        other => Some(Body::Protocol(other)),
    }
}

/// The packet that an ICMP error quotes, as far as it tells its flow: source, destination, protocol
/// and ports.
pub(super) fn quoted(protocol: u8, rest: &[u8]) -> Option<(IpAddr, IpAddr, u8, [u16; 2])> {
    let network = match protocol {
        1 => ipv4(rest, Whole::NotAsked)?,
        _ => ipv6(rest, Whole::NotAsked)?,
    };
    if network
        .fragment
        .is_some_and(|fragment| fragment.offset != 0)
    {
        return None;
    }
    let start = network.body.get(..8)?;
    let ports = match network.protocol {
        6 | 17 | 132 => [number(start), number(&start[2..])],
        1 | 58 => icmp_ports(network.protocol, start[0], start[1], number(&start[4..])),
        _ => [0; 2],
    };
    Some((network.source, network.destination, network.protocol, ports))
}

/// What ICMP has for ports as a flow: echo its identifier at the end that asks, others type and
/// code.
pub(super) fn icmp_ports(protocol: u8, kind: u8, code: u8, identifier: u16) -> [u16; 2] {
    match (protocol, kind) {
        (1, 8) | (58, 128) => [identifier, 0],
        (1, 0) | (58, 129) => [0, identifier],
        _ => [u16::from_be_bytes([kind, code]); 2],
    }
}

fn number(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn ipv4_address(bytes: &[u8]) -> IpAddr {
    IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]])
}
