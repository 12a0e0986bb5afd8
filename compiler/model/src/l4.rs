//! Protocols, ports and ICMP types: what rules match above L3, and what a packet shows.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// What a rule matches above L3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L4Match {
    /// Everything, also protocols without ports.
    Any,
    /// The union of these terms. Never empty in a valid Model.
    Of(Vec<L4Term>),
}

/// One alternative of an [`L4Match`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L4Term {
    /// Destination ports of a protocol.
    Ports {
        /// The protocol.
        protocol: PortProtocol,
        /// The destination ports.
        ports: PortRange,
    },
    /// The destination port of this name. It is looked up on the endpoint that receives the packet;
    /// what has no port of this name and protocol gets nothing that matches.
    NamedPort {
        /// The protocol.
        protocol: PortProtocol,
        /// The name.
        name: String,
    },
    /// ICMP messages. `kind: None` is every type; a code is only given with a type.
    Icmp {
        /// ICMP or ICMPv6.
        family: IcmpFamily,
        /// The type, or every type.
        kind: Option<u8>,
        /// The code, or every code of the type.
        code: Option<u8>,
    },
    /// A protocol by number, whatever it carries.
    Protocol(u8),
}

/// Protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl PortProtocol {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// The two ICMPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IcmpFamily {
    /// ICMP, over IPv4.
    V4,
    /// ICMPv6, over IPv6.
    V6,
}

impl IcmpFamily {
    /// The IP protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 58,
        }
    }

    /// The name in policy source.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "icmp",
            Self::V6 => "icmpv6",
        }
    }
}

/// An inclusive range of ports. `first <= last` in a valid Model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port, included.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// One port.
    #[must_use]
    pub const fn single(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

/// The longest name of a port, in bytes.
const PORT_NAME_LENGTH: usize = 63;

/// What [`is_port_name`] asks for, in words.
pub const PORT_NAME_RULE: &str = "lower-case letters, digits and dashes, with at least one letter";

/// Whether a port can be called so, in policies and inventories.
#[must_use]
pub fn is_port_name(text: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= PORT_NAME_LENGTH
        && text.chars().all(is_inside)
        && text.contains(|c: char| c.is_ascii_lowercase())
}

/// A port that an endpoint has a name for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamedPort {
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port.
    pub port: u16,
}

/// Ports of an endpoint, by name.
pub type NamedPorts = BTreeMap<String, NamedPort>;

/// No ports, for peers that have none.
pub static NO_PORTS: NamedPorts = NamedPorts::new();

/// What a packet shows above L3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum L4Packet {
    /// A protocol with ports, and the destination port.
    Port(PortProtocol, u16),
    /// An ICMP message: family, type, code.
    Icmp(IcmpFamily, u8, u8),
    /// Any other protocol, by number.
    Protocol(u8),
}

impl L4Packet {
    /// The IP protocol number.
    #[must_use]
    pub const fn protocol(self) -> u8 {
        match self {
            Self::Port(protocol, _) => protocol.number(),
            Self::Icmp(family, ..) => family.number(),
            Self::Protocol(number) => number,
        }
    }
}

impl fmt::Display for L4Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(protocol, port) => write!(f, "{} {port}", protocol.name()),
            Self::Icmp(family, kind, code) => write!(f, "{} {kind}/{code}", family.name()),
            Self::Protocol(number) => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Display for L4Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NamedPort { protocol, name } => write!(f, "{} \"{name}\"", protocol.name()),
            Self::Ports {
                protocol,
                ports: PortRange::ALL,
            } => f.write_str(protocol.name()),
            Self::Ports {
                protocol,
                ports: PortRange { first, last },
            } if first == last => {
                write!(f, "{} {first}", protocol.name())
            }
            Self::Ports {
                protocol,
                ports: PortRange { first, last },
            } => {
                write!(f, "{} {first}..{last}", protocol.name())
            }
            Self::Icmp {
                family, kind: None, ..
            } => f.write_str(family.name()),
            Self::Icmp {
                family,
                kind: Some(kind),
                code: None,
            } => {
                write!(f, "{} {kind}", family.name())
            }
            Self::Icmp {
                family,
                kind: Some(kind),
                code: Some(code),
            } => {
                write!(f, "{} {kind}/{code}", family.name())
            }
            Self::Protocol(number) => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Display for L4Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Of(terms) => {
                for (position, term) in terms.iter().enumerate() {
                    if position > 0 {
                        f.write_str(" | ")?;
                    }
                    write!(f, "{term}")?;
                }
                Ok(())
            }
        }
    }
}
