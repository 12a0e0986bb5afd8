//! Which records a client wants to see.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use polc_model::PortProtocol;
use serde::{Deserialize, Serialize};

use super::{FlowRecord, record::Party};

/// Which records a client wants to see: those that fit every part that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Who sent the packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Who>,
    /// Who it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Who>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<WantedVerdict>,
    /// The port that it was for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<WantedPort>,
}

/// One end of a flow, as people name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// By name: an endpoint, a node, an entity. Without its namespace, an endpoint of any.
    Name(String),
    /// By address, or by the block that it is in.
    Block(IpNet),
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum WantedVerdict {
    /// It passed
    Allowed,
    /// It was dropped without an answer, by policy or for another reason
    #[value(alias = "dropped")]
    Denied,
    /// It was dropped and answered
    Rejected,
    /// It passed, and would not if the audited policies were enforced
    Audit,
}

/// A destination port, of one protocol or of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedPort {
    /// The protocol; without it, each that has ports.
    pub protocol: Option<PortProtocol>,
    /// The port.
    pub port: u16,
}

impl Filter {
    /// Whether a record is wanted.
    #[must_use]
    pub fn accepts(&self, record: &FlowRecord) -> bool {
        self.from.as_ref().is_none_or(|who| who.is(&record.source))
            && self
                .to
                .as_ref()
                .is_none_or(|who| who.is(&record.destination))
            && self.verdict.is_none_or(|verdict| verdict.is_of(record))
            && self.port.is_none_or(|port| port.is_of(record))
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.from, &self.to]
            .into_iter()
            .flatten()
            .filter_map(|who| match who {
                Who::Name(name) => Some(name.as_str()),
                Who::Block(_) => None,
            })
    }
}

/// Whether `name`, perhaps without a namespace, means what has this full name.
#[must_use]
pub fn means(name: &str, full_name: &str) -> bool {
    name == full_name
        || full_name
            .rsplit_once('/')
            .is_some_and(|(_, last)| last == name)
}

impl Who {
    fn is(&self, party: &Party) -> bool {
        match self {
            Self::Name(name) => means(name, &party.name),
            Self::Block(block) => block.contains(&party.address),
        }
    }
}

impl WantedVerdict {
    fn is_of(self, record: &FlowRecord) -> bool {
        match self {
            Self::Allowed => record.verdict == "allowed",
            Self::Denied => record.verdict == "dropped",
            Self::Rejected => record.verdict == "rejected",
            Self::Audit => record.audit.is_some(),
        }
    }
}

impl WantedPort {
    fn is_of(self, record: &FlowRecord) -> bool {
        record.destination.port == Some(self.port)
            && self
                .protocol
                .is_none_or(|protocol| record.protocol == protocol.name())
    }
}

/// What somebody wrote that is none of what can be written there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// With what could have been written.
    #[must_use]
    pub const fn new(message: String) -> Self {
        Self(message)
    }
}

impl FromStr for Who {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Block(address.into()));
        }
        if let Ok(block) = text.parse::<IpNet>() {
            return Ok(Self::Block(block.trunc()));
        }
        let unreadable = |what: &str| {
            Err(Unreadable(format!(
                "{what}; expected a name such as `shop/web`, an address, or a CIDR block such as \
                 `10.0.0.0/8`"
            )))
        };
        if text.is_empty() {
            return unreadable("nothing is written here");
        }
        // No name of an inventory or an entity is written like this.
        let before_slash = text.split('/').next().unwrap_or(text);
        let is_address = before_slash.parse::<IpAddr>().is_ok();
        let digits_and_dots = |c: char| c.is_ascii_digit() || c == '.';
        let is_almost = text.contains('.') && before_slash.chars().all(digits_and_dots);
        if is_address || is_almost || text.contains(':') {
            return unreadable(&format!("`{text}` is no address and no CIDR block"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Block(block) if block.prefix_len() == block.max_prefix_len() => {
                write!(f, "{}", block.addr())
            }
            Self::Block(block) => write!(f, "{block}"),
        }
    }
}

impl FromStr for WantedPort {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (protocol, port) = match text.split_once('/') {
            Some((protocol, port)) => (Some(protocol), port),
            None => (None, text),
        };
        let protocol = protocol
            .map(|name| {
                PortProtocol::ALL
                    .into_iter()
                    .find(|protocol| protocol.name() == name)
                    .ok_or_else(|| {
                        Unreadable(format!(
                            "`{name}` is no protocol with ports; expected `tcp`, `udp` or `sctp`"
                        ))
                    })
            })
            .transpose()?;
        let port = port.parse().map_err(|_| {
            Unreadable(format!(
                "`{port}` is no port; expected a number up to 65535, or `tcp/443`"
            ))
        })?;
        Ok(Self { protocol, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(verdict: &str) -> FlowRecord {
        let party = |name: &str, address: &str, port| Party {
            address: address.parse().unwrap(),
            port: Some(port),
            name: name.to_owned(),
        };
        FlowRecord {
            id: 1,
            time_ms: 0,
            verdict: verdict.to_owned(),
            reason: None,
            endpoint: None,
            direction: "egress".to_owned(),
            hook: "from_endpoint".to_owned(),
            source: party("shop/web", "10.0.0.1", 40_000),
            destination: party("world", "2001:db8::7", 443),
            protocol: "tcp".to_owned(),
            icmp: None,
            bytes: 60,
            epoch: 1,
            decider: None,
            audit: None,
        }
    }

    fn from(text: &str) -> Filter {
        Filter {
            from: Some(text.parse().unwrap()),
            ..Filter::default()
        }
    }

    #[test]
    fn an_end_is_named_by_name_address_or_block() {
        let record = record("allowed");
        for fits in ["shop/web", "web", "10.0.0.1", "10.0.0.0/24", "10.0.0.77/24"] {
            assert!(from(fits).accepts(&record), "{fits}");
        }
        for other in ["shop", "eb", "bank/web", "10.0.0.2", "10.1.0.0/24", "::/0"] {
            assert!(!from(other).accepts(&record), "{other}");
        }
        let to_world = Filter {
            to: Some("2001:db8::/32".parse().unwrap()),
            ..Filter::default()
        };
        assert!(to_world.accepts(&record));
    }

    #[test]
    fn ports_are_those_that_the_packet_was_for() {
        let accepts = |text: &str| {
            Filter {
                port: Some(text.parse().unwrap()),
                ..Filter::default()
            }
            .accepts(&record("allowed"))
        };
        assert!(accepts("443") && accepts("tcp/443"));
        assert!(!accepts("udp/443") && !accepts("40000"));
    }

    #[test]
    fn verdicts_are_told_apart() {
        let accepts = |verdict, record: &FlowRecord| {
            Filter {
                verdict: Some(verdict),
                ..Filter::default()
            }
            .accepts(record)
        };
        let all = [
            (WantedVerdict::Allowed, "allowed"),
            (WantedVerdict::Denied, "dropped"),
            (WantedVerdict::Rejected, "rejected"),
        ];
        for (wanted, _) in all {
            for (is, written) in all {
                assert_eq!(accepts(wanted, &record(written)), wanted == is);
            }
        }
        assert!(!accepts(WantedVerdict::Audit, &record("allowed")));
    }

    #[test]
    fn what_cannot_be_read_says_what_can_be_written() {
        let said = |text: &str| text.parse::<Who>().unwrap_err().to_string();
        for text in ["10.0.0", "10.0.0.0/33", "10.0.0.256", "2001:db8::/200", ""] {
            assert!(said(text).contains("expected a name"), "{text}");
        }
        let said = |text: &str| text.parse::<WantedPort>().unwrap_err().to_string();
        assert_eq!(
            said("http/80"),
            "`http` is no protocol with ports; expected `tcp`, `udp` or `sctp`"
        );
        for text in ["65536", "tcp/", "-1", "http"] {
            assert!(said(text).contains("is no port"), "{text}");
        }
    }

    #[test]
    fn filters_travel_as_json() {
        let filter = Filter {
            from: Some("web".parse().unwrap()),
            to: Some("10.0.0.0/8".parse().unwrap()),
            verdict: Some(WantedVerdict::Audit),
            port: Some("tcp/443".parse().unwrap()),
        };
        let text = serde_json::to_string(&filter).unwrap();
        assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter);
        assert_eq!(serde_json::to_string(&Filter::default()).unwrap(), "{}");
    }
}
