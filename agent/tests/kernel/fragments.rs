//! Later fragments are judged as their first one was, in both families and at both hooks.

use std::net::IpAddr;

use polc_abi::{map, policy::RETURN_PASS, verdict::DropReason};
use polc_agent::sys::map::Map;
use polc_model::{
    Action,
    Direction::{self, Egress, Ingress},
};
use polc_testbed::Frame;

use crate::hooks::Hooks;

/// A datagram of somebody to somebody, in pieces.
#[derive(Clone, Copy)]
struct Datagram {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    id: u8,
}

impl Datagram {
    /// The piece that begins at `offset` times eight bytes.
    fn piece(self, offset: u8, more: bool, data: &[u8]) -> Frame {
        if self.from.is_ipv4() {
            let frame = Frame::ip(self.from, self.to, self.protocol, data);
            let flags = if more { 0x20 } else { 0 };
            frame
                .with_byte(5, self.id)
                .with_byte(6, flags)
                .with_byte(7, offset)
        } else {
            let field = offset << 3 | u8::from(more);
            let mut payload = vec![self.protocol, 0, 0, field, 0, 0, 0, self.id];
            payload.extend(data);
            Frame::ip(self.from, self.to, 44, &payload)
        }
    }

    /// The first of three: a header of the protocol, and something behind it.
    fn first(self) -> Frame {
        let mut data = match self.protocol {
            6 => vec![
                9, 9, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 1, 0, 0, 0, 0,
            ],
            17 => vec![9, 9, 0, 53, 0, 72, 0, 0],
            1 => vec![8, 0, 0, 0, 0, 7, 0, 1],
            58 => vec![128, 0, 0, 0, 0, 7, 0, 1],
            _ => Vec::new(),
        };
        data.resize(24, 7);
        self.piece(0, true, &data)
    }

    fn second(self) -> Frame {
        self.piece(3, true, &[7; 24])
    }

    fn last(self) -> Frame {
        self.piece(6, false, &[7; 19])
    }
}

/// Datagrams of every protocol in both directions, each with an identifier of its own.
fn datagrams() -> Vec<(Direction, Datagram)> {
    let mut all = Vec::new();
    for (own, other) in [("10.0.0.2", "192.0.2.7"), ("fd00::2", "2001:db8::7")] {
        let (own, other): (IpAddr, IpAddr) = (own.parse().unwrap(), other.parse().unwrap());
        let icmp = if own.is_ipv4() { 1 } else { 58 };
        for protocol in [6, 17, icmp, 132, 47] {
            for (direction, from, to) in [(Ingress, other, own), (Egress, own, other)] {
                let datagram = Datagram {
                    from,
                    to,
                    protocol,
                    id: all.len() as u8 + 1,
                };
                all.push((direction, datagram));
            }
        }
    }
    all
}

#[test]
fn pieces_follow_their_first_and_are_of_its_flow() {
    super::on_a_node("pieces", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "pieces", Action::Allow);
        for (direction, datagram) in datagrams() {
            let pieces = [datagram.first(), datagram.second(), datagram.last()];
            for piece in &pieces {
                let seen = hooks.send(direction, piece);
                assert_eq!(seen.result, RETURN_PASS, "{:?}", seen.reason());
            }
            let [(_, flow)] = hooks.new_flows.entries().unwrap()[..] else {
                panic!("not one flow")
            };
            assert_eq!(flow.forward_packets, 3);
            hooks.new_flows.clear().unwrap();
        }
    });
}

#[test]
fn pieces_that_come_before_their_first_or_without_it_are_dropped() {
    super::on_a_node("reordered", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "reordered", Action::Allow);
        for (direction, datagram) in datagrams() {
            let mut reason = |frame: &Frame| hooks.send(direction, frame).reason();
            let orphan = Some(DropReason::OrphanFragment);
            assert_eq!(reason(&datagram.second()), orphan);
            assert_eq!(reason(&datagram.first()), None);
            // Sent again, it finds its first.
            assert_eq!(reason(&datagram.second()), None);
            // What has another name does not.
            let others = [
                Datagram {
                    id: 200,
                    ..datagram
                },
                Datagram {
                    protocol: 99,
                    ..datagram
                },
                Datagram {
                    from: datagram.to,
                    to: datagram.from,
                    ..datagram
                },
            ];
            for other in &others[..2] {
                assert_eq!(reason(&other.last()), orphan);
            }
            let other_way = match direction {
                Ingress => Egress,
                Egress => Ingress,
            };
            let seen = hooks.send(other_way, &others[2].last());
            assert_eq!(seen.reason(), orphan);
        }
    });
}

#[test]
fn pieces_of_what_is_denied_are_denied_and_live_no_longer_than_receivers_wait() {
    super::on_a_node("denied-pieces", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "denied-pieces", Action::Deny);
        for (direction, datagram) in datagrams() {
            for piece in [datagram.first(), datagram.last()] {
                let seen = hooks.send(direction, &piece);
                // A later piece of a SYN opens nothing, and its flow never was.
                let reason = match (datagram.protocol, piece == datagram.last()) {
                    (6, true) => DropReason::NoConnection,
                    _ => DropReason::Policy,
                };
                assert_eq!(seen.reason(), Some(reason), "{}", datagram.protocol);
            }
        }
        // A clock's zero is the machine's start.
        let fragments: Map<[u8; 44], [u8; 16]> =
            Map::open(&hooks.pins.map(map::FRAGMENTS)).unwrap();
        for (key, mut first) in fragments.entries().unwrap() {
            first[..8].copy_from_slice(&[0; 8]);
            fragments.set(&key, &first).unwrap();
        }
        for (direction, datagram) in datagrams() {
            let seen = hooks.send(direction, &datagram.last());
            assert_eq!(seen.reason(), Some(DropReason::OrphanFragment));
        }
    });
}

#[test]
fn pieces_that_no_datagram_can_have_are_malformed() {
    super::on_a_node("impossible", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "impossible", Action::Allow);
        for (direction, datagram) in datagrams() {
            let too_far = if datagram.from.is_ipv4() {
                // Offset 8191 with flags: beyond 65,535 bytes.
                datagram.piece(0xff, false, &[7; 24]).with_byte(6, 0x1f)
            } else {
                datagram
                    .piece(0, false, &[7; 24])
                    .with_byte(42, 0xff)
                    .with_byte(43, 0xf8)
            };
            let uneven = datagram.piece(0, true, &[7; 33]);
            let mut frames = vec![too_far, uneven];
            if datagram.protocol == 6 {
                assert_eq!(hooks.send(direction, &datagram.first()).reason(), None);
                // It would write the flags of the header anew (RFC 1858).
                frames.push(datagram.piece(1, false, &[7; 24]));
                // Half a header, and the rest to follow.
                frames.push(datagram.piece(0, true, &[7; 16]));
            }
            for frame in frames {
                let seen = hooks.send(direction, &frame);
                assert_eq!(seen.reason(), Some(DropReason::Malformed), "{frame:?}");
            }
        }
    });
}
