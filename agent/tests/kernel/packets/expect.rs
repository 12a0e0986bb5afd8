//! What the hooks of an endpoint that may do everything must say of a frame, by the plain parser.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use polc_abi::{
    flow::FlowKey,
    key::{Address, L4Key, ipv4},
    verdict::DropReason,
};

use super::{
    OWN,
    generate::Hook,
    plain::{self, Body, Frame, Packet, icmp_ports},
};

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It passes, and is no news. Why.
    Passes(&'static str),
    /// It begins a flow.
    Begins(Tuple, FlowKey),
    /// It is dropped. What the datapath makes of a packet that it cannot read is its own business.
    Dropped(DropReason, Option<Tuple>),
}

/// What a report says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) l4: u32,
    pub(super) ports: [u16; 2],
}

/// The name of a fragmented datagram.
type Datagram = (IpAddr, IpAddr, u32, u8);

/// What the datapath remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Flows that live on.
    pub(super) flows: BTreeSet<FlowKey>,
    /// What first fragments said.
    pub(super) fragments: BTreeMap<Datagram, L4>,
    pub(super) ifindex: u32,
}

/// What matters of an L4 header.
#[derive(Clone, Copy, Debug)]
pub(super) struct L4 {
    protocol: u8,
    key: L4Key,
    ports: [u16; 2],
    flags: u8,
}

pub(super) fn address(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => ipv4(address.octets()),
        IpAddr::V6(address) => address.octets(),
    }
}

fn is_own(address: IpAddr) -> bool {
    OWN.iter().any(|own| own.parse() == Ok(address))
}

impl Memory {
    pub(super) fn expect(&mut self, hook: Hook, bytes: &[u8]) -> Fate {
        if hook == Hook::FromUplink {
            return match plain::source(bytes) {
                None => Fate::Dropped(DropReason::Malformed, None),
                Some(Some(source)) if is_own(source) => {
                    Fate::Dropped(DropReason::SpoofedSource, None)
                }
                Some(_) => Fate::Passes("the uplink"),
            };
        }
        let packet = match plain::frame(bytes) {
            Frame::Arp => return Fate::Passes("ARP"),
            Frame::Other => return Fate::Dropped(DropReason::UnknownEtherType, None),
            Frame::Malformed => return Fate::Dropped(DropReason::Malformed, None),
            Frame::Packet(packet) => packet,
        };
        self.judge(hook, &packet)
            .unwrap_or_else(|(reason, tuple)| Fate::Dropped(reason, tuple))
    }

    fn judge(&mut self, hook: Hook, packet: &Packet) -> Result<Fate, (DropReason, Option<Tuple>)> {
        let l4 = self.l4(packet).map_err(|reason| (reason, None))?;
        let tuple = Tuple {
            source: address(packet.source),
            destination: address(packet.destination),
            l4: l4.key.0,
            ports: l4.ports,
        };
        let drop = |reason| (reason, Some(tuple));
        if is_link_control(hook, packet).map_err(drop)? {
            return Ok(Fate::Passes("link control"));
        }
        if hook == Hook::FromEndpoint && !is_own(packet.source) {
            return Err(drop(DropReason::SpoofedSource));
        }
        if let Some(fragment) = packet.fragment
            && fragment.offset == 0
        {
            let name = (
                packet.source,
                packet.destination,
                fragment.id,
                fragment.protocol,
            );
            self.fragments.insert(name, l4);
        }
        let [kind, _] = l4.key.low().to_be_bytes();
        match (l4.protocol, kind) {
            (1, 3 | 11 | 12) | (58, 1..=4) => {
                return if self.is_related(hook, packet) {
                    Ok(Fate::Passes("a related error"))
                } else {
                    Err(drop(DropReason::UnrelatedError))
                };
            }
            _ => {}
        }
        let ends = [
            (packet.source, l4.ports[0]),
            (packet.destination, l4.ports[1]),
        ];
        let key = self.key(hook, l4.protocol, ends);
        let opens = l4.flags & 0b1_0111 == 2;
        if self.flows.contains(&key) && !opens {
            return Ok(Fate::Passes("a known flow"));
        }
        if l4.protocol == 6 && !opens {
            return Err(drop(DropReason::NoConnection));
        }
        Ok(Fate::Begins(tuple, key))
    }

    fn l4(&self, packet: &Packet) -> Result<L4, DropReason> {
        let with_ports = |protocol, ports: [u16; 2], flags| L4 {
            protocol,
            key: L4Key::port(protocol, ports[1]),
            ports,
            flags,
        };
        Ok(match packet.body {
            Body::Tcp { ports, flags } => with_ports(6, ports, flags),
            Body::Ports { protocol, ports } => with_ports(protocol, ports, 0),
            Body::Protocol(protocol) => with_ports(protocol, [0; 2], 0),
            Body::Icmp {
                protocol,
                kind,
                code,
                identifier,
                ..
            } => L4 {
                protocol,
                key: L4Key::icmp(protocol, kind, code),
                ports: icmp_ports(protocol, kind, code, identifier),
                flags: 0,
            },
            Body::Continued => {
                let fragment = packet.fragment.ok_or(DropReason::Malformed)?;
                let name = (
                    packet.source,
                    packet.destination,
                    fragment.id,
                    fragment.protocol,
                );
                let first = self.fragments.get(&name);
                let first = first.ok_or(DropReason::OrphanFragment)?;
                // RFC 1858: it would write the flags anew.
                if first.protocol == 6 && fragment.offset == 1 {
                    return Err(DropReason::Malformed);
                }
                L4 { flags: 0, ..*first }
            }
        })
    }

    /// Whether an ICMP error is about a flow that lives.
    fn is_related(&self, hook: Hook, packet: &Packet) -> bool {
        let Body::Icmp { protocol, rest, .. } = &packet.body else {
            return false;
        };
        let Some((source, destination, protocol, ports)) = plain::quoted(*protocol, rest) else {
            return false;
        };
        // What is quoted went the other way.
        let ends = [(destination, ports[1]), (source, ports[0])];
        self.flows.contains(&self.key(hook, protocol, ends))
    }

    /// The flow between source and destination.
    pub(super) fn key(&self, hook: Hook, protocol: u8, ends: [(IpAddr, u16); 2]) -> FlowKey {
        let [source, destination] = ends;
        let (local, remote) = match hook {
            Hook::FromEndpoint => (source, destination),
            Hook::ToEndpoint | Hook::FromUplink => (destination, source),
        };
        FlowKey {
            ifindex: self.ifindex,
            local_port: local.1,
            remote_port: remote.1,
            local: address(local.0),
            remote: address(remote.0),
            protocol,
            reserved: [0; 3],
        }
    }
}

/// RFC 4861: what routers and neighbours say on a link has hop limit 255; RFC 3810: what listeners
/// say has 1. What an endpoint sends must be for the link, and be nothing that only routers say.
fn is_link_control(hook: Hook, packet: &Packet) -> Result<bool, DropReason> {
    let Body::Icmp {
        protocol: 58, kind, ..
    } = packet.body
    else {
        return Ok(false);
    };
    if packet.fragment.is_some() {
        return Ok(false);
    }
    let IpAddr::V6(destination) = packet.destination else {
        return Ok(false);
    };
    let leaves = hook == Hook::FromEndpoint;
    match (kind, packet.hop_limit) {
        (133 | 135 | 136, 255) => {
            let [_, scope, ..] = destination.octets();
            let is_group = destination.is_multicast();
            let on_link = (is_group && scope & 0x0f <= 2) || destination.is_unicast_link_local();
            Ok(!leaves || on_link)
        }
        (134 | 137, 255) if leaves => Err(DropReason::RouterMessage),
        (134 | 137, 255) => Ok(true),
        (130..=132 | 143, 1) => Ok(destination.is_multicast()),
        _ => Ok(false),
    }
}
