//! One event, explained.

use std::{fmt, net::IpAddr};

use polc_abi::{
    event::{Event, Hook},
    key::{Address, L4Key, protocol},
    verdict::{DeciderId, DeciderKind, DropReason, Verdict},
};
use polc_model::{Decider, Direction, Model};
use polc_tables::address_of;
use serde::{Deserialize, Serialize};

use crate::meaning::Meaning;

/// A new flow, a flow judged again, or a drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRecord {
    /// Its number since the agent started. 0 until it is in the
    /// [`History`](super::History), which gives it.
    #[serde(default)]
    pub id: u64,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// `allowed`, `dropped`, or `rejected`: dropped by a rule that answers.
    pub verdict: String,
    /// Why it was dropped: a slug of [`DropReason`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The endpoint whose policy judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// `ingress` or `egress`: which of its policies.
    pub direction: String,
    /// `from_endpoint`, `to_endpoint` or `from_uplink`: where the packet was seen.
    pub hook: String,
    /// Who sent the packet.
    pub source: Party,
    /// Who it was for.
    pub destination: Party,
    /// `tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, or a number.
    pub protocol: String,
    /// ICMP type and code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp: Option<(u8, u8)>,
    /// Bytes from L3 on.
    pub bytes: u32,
    /// The epoch that judged.
    pub epoch: u32,
    /// Who decided, where policy was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decider: Option<DecidedBy>,
    /// Who would have dropped an allowed packet, were the audited policies enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<DecidedBy>,
}

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its address.
    pub address: IpAddr,
    /// Its port, for protocols with ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its name: an endpoint, a node, or `world`.
    pub name: String,
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedBy {
    /// `rule`, `isolation`, `init`, `no_policy`, `itself` or `own_node`.
    pub kind: String,
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The line's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl FlowRecord {
    /// Explains an event. `meaning` is what was in force in the event's epoch, if that is known.
    #[must_use]
    pub fn new(event: &Event, time_ms: u64, meaning: Option<&Meaning>) -> Self {
        let l4 = L4Key(event.l4);
        let number = l4.protocol();
        let has_ports = matches!(number, protocol::TCP | protocol::UDP | protocol::SCTP);
        let is_icmp = matches!(number, protocol::ICMP | protocol::ICMPV6);
        let name_of =
            |address| meaning.map_or_else(|| "?".to_owned(), |meaning| meaning.name_of(address));
        let named = |id| meaning.and_then(|meaning| meaning.name_of_id(id));
        let party = |address: Address, port| Party {
            address: address_of(address),
            port: has_ports.then_some(port),
            name: name_of(address),
        };
        let reason = DropReason::from_raw(event.reason);
        let verdict = Verdict::from_raw(u32::from(event.verdict));
        let allowed = verdict == Some(Verdict::Allow);
        let policy_was_asked = allowed || reason == Some(DropReason::Policy);
        let [kind, code] = l4.low().to_be_bytes();
        Self {
            id: 0,
            time_ms,
            verdict: match verdict {
                Some(Verdict::Allow) => "allowed",
                Some(Verdict::Reject) => "rejected",
                Some(Verdict::Deny) | None => "dropped",
            }
            .to_owned(),
            reason: reason.map(|reason| reason.slug().to_owned()),
            endpoint: meaning.filter(|_| event.endpoint != 0).map(|_| {
                match (named(event.endpoint), event.direction) {
                    (Some(name), _) => name.to_owned(),
                    (None, 0) => name_of(event.destination),
                    (None, _) => name_of(event.source),
                }
            }),
            direction: match event.direction {
                0 => Direction::Ingress.name(),
                _ => Direction::Egress.name(),
            }
            .to_owned(),
            hook: match Hook::from_raw(event.hook) {
                Some(Hook::FromEndpoint) => "from_endpoint",
                Some(Hook::ToEndpoint) => "to_endpoint",
                Some(Hook::FromUplink) => "from_uplink",
                Some(Hook::ToNode) => "to_node",
                Some(Hook::FromNode) => "from_node",
                None => "?",
            }
            .to_owned(),
            source: party(event.source, event.source_port),
            destination: party(event.destination, event.destination_port),
            protocol: match number {
                protocol::TCP => "tcp".to_owned(),
                protocol::UDP => "udp".to_owned(),
                protocol::SCTP => "sctp".to_owned(),
                protocol::ICMP => "icmp".to_owned(),
                protocol::ICMPV6 => "icmpv6".to_owned(),
                other => other.to_string(),
            },
            icmp: is_icmp.then_some((kind, code)),
            bytes: event.bytes,
            epoch: event.epoch,
            decider: policy_was_asked
                .then(|| DecidedBy::new(DeciderId(event.decider), meaning))
                .flatten(),
            audit: (event.audit != 0)
                .then(|| DecidedBy::new(DeciderId(event.audit), meaning))
                .flatten(),
        }
    }
}

impl DecidedBy {
    /// Explains a decider. `None` for bits that no program writes.
    #[must_use]
    pub fn new(id: DeciderId, meaning: Option<&Meaning>) -> Option<Self> {
        let kind = id.kind()?;
        let decider = meaning.and_then(|meaning| {
            let decider = meaning.deciders.decider(id)?;
            Some(Self::of(&meaning.model, decider))
        });
        Some(decider.unwrap_or_else(|| {
            Self {
                kind: match kind {
                    DeciderKind::NoPolicy => "no_policy",
                    DeciderKind::Rule(_) => "rule",
                    DeciderKind::Isolation(_) => "isolation",
                    DeciderKind::Init => "init",
                    DeciderKind::Itself => "itself",
                    DeciderKind::OwnNode => "own_node",
                }
                .to_owned(),
                policy: None,
                place: None,
                text: None,
            }
        }))
    }

    /// Explains a decider of a Model.
    #[must_use]
    pub fn of(model: &Model, decider: Decider) -> Self {
        let origin = model.deciding_origin(decider);
        Self {
            kind: match decider {
                Decider::NoPolicy => "no_policy",
                Decider::Rule(_) => "rule",
                Decider::Isolation(_) => "isolation",
                Decider::Init => "init",
                Decider::Itself => "itself",
                Decider::OwnNode => "own_node",
            }
            .to_owned(),
            policy: model
                .deciding_policy(decider)
                .map(|policy| policy.name.clone()),
            place: origin.map(|origin| model.place(origin)),
            text: origin.map(|origin| origin.text.clone()),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == "world" || self.name == "?" {
            write!(f, "{}", self.address)?;
        } else {
            write!(f, "{} ({})", self.name, self.address)?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// One line for people: `dropped  web (10.0.0.1):4711 -> db (10.0.0.2):5432 tcp  policy: ...`.
impl fmt::Display for FlowRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} -> {} {}",
            self.verdict, self.source, self.destination, self.protocol
        )?;
        if let Some((kind, code)) = self.icmp {
            write!(f, " {kind}/{code}")?;
        }
        if let Some(endpoint) = &self.endpoint {
            write!(f, ", {} of {endpoint}", self.direction)?;
        }
        match &self.decider {
            Some(decider) => {
                write!(f, ": {decider}")?;
                match &self.audit {
                    Some(audit) => write!(f, "; audit: would be dropped, {audit}"),
                    None => Ok(()),
                }
            }
            None => {
                let explanation = DropReason::ALL
                    .iter()
                    .find(|reason| Some(reason.slug()) == self.reason.as_deref())
                    .map_or("for an unknown reason", |reason| reason.explanation());
                write!(f, ": {explanation}")
            }
        }
    }
}

impl fmt::Display for DecidedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.as_str() {
            "no_policy" => f.write_str("no policy speaks about it"),
            "init" => f.write_str("isolated, as its labels are not known yet"),
            "itself" => f.write_str("an endpoint may talk to itself"),
            "own_node" => f.write_str("a node may talk to its endpoints"),
            kind => {
                let policy = self.policy.as_deref().unwrap_or("?");
                if kind == "isolation" {
                    write!(f, "isolated by `{policy}`")?;
                } else {
                    write!(f, "rule of `{policy}`")?;
                }
                if let Some(place) = &self.place {
                    write!(f, " at {place}")?;
                }
                match &self.text {
                    Some(text) => write!(f, " `{text}`"),
                    None => Ok(()),
                }
            }
        }
    }
}
