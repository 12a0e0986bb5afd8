//! Sets of L4 keys.

use std::fmt;

use polc_abi::key::L4Key;
use polc_model::{L4Match, L4Term, NamedPorts, PortProtocol};
use polc_plan::intervals::{KeyRange, merge, sure_ranges_of};

/// Protocols with their ports, ICMP messages, and protocols without either, by the keys of the
/// datapath: sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct L4Set {
    ranges: Vec<KeyRange>,
}

/// The first port that a packet can have.
const FIRST_PORT: u16 = 1;

impl L4Set {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        let everything = KeyRange {
            first: L4Key::ANY_FIRST.0,
            last: L4Key::ANY_LAST.0,
        };
        Self {
            ranges: vec![everything],
        }
    }

    /// One port.
    #[must_use]
    pub fn port(protocol: PortProtocol, port: u16) -> Self {
        let key = L4Key::port(protocol.number(), port).0;
        Self::of(vec![KeyRange {
            first: key,
            last: key,
        }])
    }

    /// What a match matches, where the receiver has these ports.
    #[must_use]
    pub fn matched(l4: &L4Match, receiver: &NamedPorts) -> Self {
        let mut ranges = sure_ranges_of(l4);
        if let L4Match::Of(terms) = l4 {
            for term in terms {
                if let L4Term::NamedPort { protocol, name } = term
                    && let Some(port) = receiver.get(name)
                    && port.protocol == *protocol
                {
                    let key = L4Key::port(protocol.number(), port.port).0;
                    ranges.push(KeyRange {
                        first: key,
                        last: key,
                    });
                }
            }
        }
        Self::of(ranges)
    }

    fn of(ranges: Vec<KeyRange>) -> Self {
        Self {
            ranges: merge(ranges),
        }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether everything is in it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// What is in one of the two.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of(self.ranges.iter().chain(&other.ranges).copied().collect())
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut left, mut right) = (
            self.ranges.iter().peekable(),
            other.ranges.iter().peekable(),
        );
        while let (Some(one), Some(two)) = (left.peek(), right.peek()) {
            let (first, last) = (one.first.max(two.first), one.last.min(two.last));
            if first <= last {
                ranges.push(KeyRange { first, last });
            }
            match one.last <= two.last {
                true => left.next(),
                false => right.next(),
            };
        }
        Self { ranges }
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    fn complement(&self) -> Self {
        let mut ranges = Vec::new();
        let mut next = Some(L4Key::ANY_FIRST.0);
        for range in &self.ranges {
            if let Some(first) = next.filter(|first| *first < range.first) {
                let last = range.first - 1;
                ranges.push(KeyRange { first, last });
            }
            next = (range.last < L4Key::ANY_LAST.0).then(|| range.last + 1);
        }
        if let Some(first) = next {
            let last = L4Key::ANY_LAST.0;
            ranges.push(KeyRange { first, last });
        }
        Self { ranges }
    }

    /// Whether a key is in it.
    #[must_use]
    pub fn contains(&self, key: L4Key) -> bool {
        let after = self.ranges.partition_point(|range| range.last < key.0);
        let range = self.ranges.get(after);
        range.is_some_and(|range| range.first <= key.0)
    }

    /// The ports of a protocol that are in it, as ranges, the last included. Port 0 is no port of a
    /// packet.
    #[must_use]
    pub fn ports(&self, protocol: PortProtocol) -> Vec<(u16, u16)> {
        let number = protocol.number();
        let whole = Self::of(vec![KeyRange {
            first: L4Key::port(number, FIRST_PORT).0,
            last: L4Key::port(number, u16::MAX).0,
        }]);
        let port = |key: u32| u16::try_from(key & 0xffff).unwrap_or(u16::MAX);
        let ranges = self.intersection(&whole).ranges;
        ranges
            .iter()
            .map(|range| (port(range.first), port(range.last)))
            .collect()
    }

    /// What is in it of protocols without ports, by number: whole, or only some of their messages.
    /// Empty, where all of them are there.
    #[must_use]
    pub fn other_protocols(&self) -> Vec<(u8, Share)> {
        let number_of = |protocol: &PortProtocol| protocol.number();
        let with_ports = PortProtocol::ALL.each_ref().map(number_of);
        let mut found = Vec::new();
        let mut are_all_there = true;
        for number in (0..=u8::MAX).filter(|number| !with_ports.contains(number)) {
            let whole = Self::of(vec![KeyRange {
                first: L4Key::port(number, 0).0,
                last: L4Key::port(number, u16::MAX).0,
            }]);
            let here = self.intersection(&whole);
            let is_whole = here == whole;
            are_all_there &= is_whole;
            if !here.is_empty() {
                found.push((number, if is_whole { Share::Whole } else { Share::Part }));
            }
        }
        if are_all_there {
            found.clear();
        }
        found
    }
}

/// How much of a protocol is in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// Some of its messages.
    Part,
}

/// `All Connections`, or the ports of each protocol: `TCP 80,443-444,UDP 53`. Protocols without ports
/// are there where the set has some of them and not all.
impl fmt::Display for L4Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("All Connections");
        }
        if self.is_empty() {
            return f.write_str("No Connections");
        }
        let mut parts = Vec::new();
        for protocol in [PortProtocol::Sctp, PortProtocol::Tcp, PortProtocol::Udp] {
            let ports = self.ports(protocol);
            let ports: Vec<String> = ports.into_iter().map(range).collect();
            if !ports.is_empty() {
                let name = protocol.name().to_uppercase();
                parts.push(format!("{name} {}", ports.join(",")));
            }
        }
        for (number, share) in self.other_protocols() {
            let name = match number {
                1 => "ICMP".to_owned(),
                58 => "ICMPv6".to_owned(),
                number => format!("protocol {number}"),
            };
            parts.push(match share {
                Share::Whole => name,
                Share::Part => format!("{name} (some messages)"),
            });
        }
        f.write_str(&parts.join(","))
    }
}

fn range((first, last): (u16, u16)) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use polc_model::PortRange;
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = L4Set> {
        let range = (0u32..40, 0u32..8).prop_map(|(first, length)| KeyRange {
            first,
            last: first + length,
        });
        prop::collection::vec(range, 0..5).prop_map(L4Set::of)
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(one in set(), other in set()) {
            for key in (0..50).map(L4Key) {
                let (left, right) = (one.contains(key), other.contains(key));
                prop_assert_eq!(one.union(&other).contains(key), left || right);
                prop_assert_eq!(one.intersection(&other).contains(key), left && right);
                prop_assert_eq!(one.minus(&other).contains(key), left && !right);
            }
            prop_assert_eq!(one.complement().complement(), one);
        }
    }

    #[test]
    fn sets_are_said_by_protocol_and_port() {
        let ports = |protocol, first, last| L4Term::Ports {
            protocol,
            ports: PortRange { first, last },
        };
        let some = L4Match::Of(vec![
            ports(PortProtocol::Tcp, 80, 80),
            ports(PortProtocol::Tcp, 443, 444),
            ports(PortProtocol::Udp, 53, 53),
        ]);
        let some = L4Set::matched(&some, &NamedPorts::new());
        assert_eq!(some.to_string(), "TCP 80,443-444,UDP 53");
        let rest = L4Set::all().minus(&some);
        assert_eq!(
            rest.to_string(),
            "SCTP 1-65535,TCP 1-79,81-442,445-65535,UDP 1-52,54-65535"
        );
        assert_eq!(some.union(&rest).to_string(), "All Connections");
        let icmp = L4Set::matched(&L4Match::Of(vec![L4Term::Protocol(1)]), &NamedPorts::new());
        assert_eq!(icmp.to_string(), "ICMP");
    }
}
