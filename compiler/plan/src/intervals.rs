//! L4 matches as intervals of [`L4Key`]s.

use polc_abi::key::L4Key;
use polc_model::{L4Match, L4Packet, L4Term, PortProtocol};

/// An inclusive interval of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRange {
    /// The first key.
    pub first: u32,
    /// The last key, included.
    pub last: u32,
}

/// The key that the datapath computes for such a packet.
#[must_use]
pub const fn key_of(packet: L4Packet) -> L4Key {
    match packet {
        L4Packet::Port(protocol, port) => L4Key::port(protocol.number(), port),
        L4Packet::Icmp(family, kind, code) => L4Key::icmp(family.number(), kind, code),
        L4Packet::Protocol(number) => L4Key::port(number, 0),
    }
}

/// The keys that a match may match, whoever receives: sorted, disjoint, not adjacent. A named port may
/// be any.
#[must_use]
pub fn ranges_of(l4: &L4Match) -> Vec<KeyRange> {
    match l4 {
        L4Match::Any => vec![EVERYTHING],
        L4Match::Of(terms) => merge(terms.iter().map(range_of).collect()),
    }
}

/// As [`ranges_of`], the keys that a match surely matches: none of a named port's. Programs match
/// those, and each name by itself.
#[must_use]
pub fn sure_ranges_of(l4: &L4Match) -> Vec<KeyRange> {
    match l4 {
        L4Match::Any => vec![EVERYTHING],
        L4Match::Of(terms) => {
            let numbered = terms
                .iter()
                .filter(|term| !matches!(term, L4Term::NamedPort { .. }));
            merge(numbered.map(range_of).collect())
        }
    }
}

/// The keys of every port of a protocol.
#[must_use]
pub const fn ports_of(protocol: PortProtocol) -> KeyRange {
    whole_protocol(protocol.number())
}

const EVERYTHING: KeyRange = KeyRange {
    first: L4Key::ANY_FIRST.0,
    last: L4Key::ANY_LAST.0,
};

const fn range_of(term: &L4Term) -> KeyRange {
    match *term {
        L4Term::NamedPort { protocol, .. } => whole_protocol(protocol.number()),
        L4Term::Ports { protocol, ports } => KeyRange {
            first: L4Key::port(protocol.number(), ports.first).0,
            last: L4Key::port(protocol.number(), ports.last).0,
        },
        L4Term::Icmp {
            family,
            kind: Some(kind),
            code,
        } => {
            let (first, last) = match code {
                Some(code) => (code, code),
                None => (0, u8::MAX),
            };
            KeyRange {
                first: L4Key::icmp(family.number(), kind, first).0,
                last: L4Key::icmp(family.number(), kind, last).0,
            }
        }
        L4Term::Icmp {
            family, kind: None, ..
        } => whole_protocol(family.number()),
        L4Term::Protocol(number) => whole_protocol(number),
    }
}

const fn whole_protocol(number: u8) -> KeyRange {
    KeyRange {
        first: L4Key::port(number, 0).0,
        last: L4Key::port(number, u16::MAX).0,
    }
}

/// The same keys in order, as few ranges as there can be.
#[must_use]
pub fn merge(mut ranges: Vec<KeyRange>) -> Vec<KeyRange> {
    ranges.sort();
    let mut merged: Vec<KeyRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(previous) if range.first <= previous.last.saturating_add(1) => {
                previous.last = previous.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use polc_model::{IcmpFamily, PortProtocol, PortRange};

    use super::*;

    fn tcp(first: u16, last: u16) -> L4Term {
        L4Term::Ports {
            protocol: PortProtocol::Tcp,
            ports: PortRange { first, last },
        }
    }

    #[test]
    fn overlapping_and_adjacent_ranges_become_one() {
        let ranges = ranges_of(&L4Match::Of(vec![tcp(90, 95), tcp(80, 89), tcp(85, 91)]));
        assert_eq!(
            ranges,
            [KeyRange {
                first: 0x06_0050,
                last: 0x06_005f
            }]
        );
    }

    #[test]
    fn protocols_with_adjacent_numbers_keep_the_right_edges() {
        let icmp = L4Term::Icmp {
            family: IcmpFamily::V4,
            kind: None,
            code: None,
        };
        let ranges = ranges_of(&L4Match::Of(vec![icmp, L4Term::Protocol(3)]));
        assert_eq!(ranges.len(), 2);
        assert_eq!(
            ranges[0],
            KeyRange {
                first: 0x01_0000,
                last: 0x01_ffff
            }
        );
    }

    #[test]
    fn a_packet_without_ports_is_matched_by_its_protocol() {
        let key = key_of(L4Packet::Protocol(47)).0;
        let [range] = ranges_of(&L4Match::Of(vec![L4Term::Protocol(47)]))[..] else {
            panic!()
        };
        assert!(range.first <= key && key <= range.last);
    }
}
