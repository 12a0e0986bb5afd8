//! ICMP errors pass when what they quote belongs to an allowed flow, in both families and at both
//! hooks.

use std::net::IpAddr;

use polc_abi::{policy::RETURN_PASS, verdict::DropReason};
use polc_model::{
    Action,
    Direction::{self, Egress, Ingress},
};
use polc_testbed::Frame;

use crate::hooks::Hooks;

/// The endpoint and somebody else who have flows, and whoever is on the way between them.
struct Ends {
    own: IpAddr,
    other: IpAddr,
    router: IpAddr,
}

fn families() -> [Ends; 2] {
    let parse = |text: &str| text.parse().unwrap();
    [
        ["10.0.0.2", "192.0.2.7", "198.51.100.1"],
        ["fd00::2", "2001:db8::7", "2001:db8:1::1"],
    ]
    .map(|[own, other, router]| Ends {
        own: parse(own),
        other: parse(other),
        router: parse(router),
    })
}

const SYN: u8 = 2;

impl Ends {
    const fn icmp(&self) -> u8 {
        if self.own.is_ipv4() { 1 } else { 58 }
    }

    /// First packets of flows of every kind, from one end to the other.
    fn packets(&self, from: IpAddr, to: IpAddr) -> Vec<Frame> {
        let echo = if self.own.is_ipv4() { 8 } else { 128 };
        vec![
            Frame::tcp((from, 4000), (to, 80), SYN),
            Frame::udp((from, 4000), (to, 53)),
            Frame::ip(from, to, self.icmp(), &[echo, 0, 0, 0, 0, 9, 0, 1]),
            Frame::ip(from, to, 132, &[9, 9, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0]),
            Frame::ip(from, to, 47, &[0; 8]),
        ]
    }

    /// An error from one to another that quotes a packet, all of it or less.
    fn error(&self, kind: u8, from: IpAddr, to: IpAddr, quoted: &[u8]) -> Frame {
        let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        message.extend(quoted);
        Frame::ip(from, to, self.icmp(), &message)
    }

    const fn kinds(&self) -> &'static [u8] {
        if self.own.is_ipv4() {
            // Unreachable, time exceeded, parameter problem.
            &[3, 11, 12]
        } else {
            // And packet too big.
            &[1, 2, 3, 4]
        }
    }

    /// Bytes of the network header.
    const fn header(&self) -> usize {
        if self.own.is_ipv4() { 20 } else { 40 }
    }
}

/// A frame's packet, without the link header.
fn packet(frame: &Frame) -> Vec<u8> {
    frame.bytes().iter().skip(14).copied().collect()
}

#[test]
fn errors_about_live_flows_pass_whoever_says_them() {
    super::on_a_node("related", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "related", Action::Allow);
        for ends in families() {
            let (own, other) = (ends.own, ends.other);
            for (starts, from, to) in [(Egress, own, other), (Ingress, other, own)] {
                for first in ends.packets(from, to) {
                    assert_eq!(hooks.send(starts, &first).result, RETURN_PASS);
                    // What goes there is answered from there, by the end itself or on the way.
                    let answers = match starts {
                        Egress => vec![(Ingress, other, own), (Ingress, ends.router, own)],
                        Ingress => vec![(Egress, own, other)],
                    };
                    let least = ends.header() + 8;
                    for (direction, from, to) in answers {
                        for kind in ends.kinds() {
                            for quoted in [&packet(&first)[..], &packet(&first)[..least]] {
                                let error = ends.error(*kind, from, to, quoted);
                                let seen = hooks.send(direction, &error);
                                assert_eq!(seen.result, RETURN_PASS, "{:?}", seen.reason());
                                assert_eq!(seen.event, None, "is no flow of its own");
                            }
                        }
                    }
                    hooks.new_flows.clear().unwrap();
                }
            }
        }
    });
}

#[test]
fn errors_about_anything_else_are_dropped() {
    super::on_a_node("unrelated", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "unrelated", Action::Allow);
        let unrelated = Some(DropReason::UnrelatedError);
        for ends in families() {
            let (own, other) = (ends.own, ends.other);
            let kind = ends.kinds()[0];
            // Where a port, or the identifier, is behind the network header.
            let parts = [Some(1), Some(1), Some(5), Some(1), None];
            let pairs = ends.packets(own, other).into_iter();
            let pairs = pairs.zip(ends.packets(other, own)).zip(parts);
            for ((first, reverse), part) in pairs {
                let first = &first;
                let quoted = packet(first);
                let about = |quoted: &[u8]| ends.error(kind, ends.router, own, quoted);
                let mut why = |frame: &Frame| hooks.send(Ingress, frame).reason();
                assert_eq!(why(&about(&quoted)), unrelated, "of no flow");
                assert_eq!(hooks.send(Egress, first).result, RETURN_PASS);
                let mut why = |frame: &Frame| hooks.send(Ingress, frame).reason();
                assert_eq!(why(&about(&quoted)), None);

                let cut = ends.header() + 7;
                assert_eq!(why(&about(&quoted[..cut])), unrelated, "too little");
                assert_eq!(why(&about(&[])), unrelated, "nothing");
                assert_eq!(why(&about(&packet(&reverse))), unrelated, "what it got");
                let mut version = quoted.clone();
                version[0] ^= 0x10;
                assert_eq!(why(&about(&version)), unrelated, "no packet");
                if let Some(part) = part {
                    let mut ports = quoted.clone();
                    ports[ends.header() + part] ^= 1;
                    assert_eq!(why(&about(&ports)), unrelated, "of another flow");
                }
                // An endpoint cannot speak of what it did not get.
                let from_inside = ends.error(kind, own, other, &quoted);
                assert_eq!(hooks.send(Egress, &from_inside).reason(), unrelated);
                hooks.new_flows.clear().unwrap();
            }
        }
    });
}

#[test]
fn errors_about_flows_that_are_denied_now_are_dropped() {
    super::on_a_node("denied-errors", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "denied-errors", Action::Allow);
        for ends in families() {
            for first in ends.packets(ends.own, ends.other) {
                assert_eq!(hooks.send(Egress, &first).result, RETURN_PASS);
            }
        }
        for (action, judged_again) in [(Action::Deny, false), (Action::Allow, true)] {
            hooks.put_in_force(action);
            for ends in families() {
                for first in ends.packets(ends.own, ends.other) {
                    let about = ends.error(ends.kinds()[0], ends.other, ends.own, &packet(&first));
                    let mut why =
                        |direction: Direction, frame: &Frame| hooks.send(direction, frame).reason();
                    // Until its next packet, nobody knows what the new policy says of a flow.
                    assert_eq!(why(Ingress, &about), Some(DropReason::UnrelatedError));
                    let allowed = why(Egress, &first).is_none();
                    assert_eq!(allowed, judged_again);
                    assert_eq!(why(Ingress, &about).is_none(), allowed);
                }
            }
        }
    });
}
