//! Why a packet gets the verdict that it gets.
//!
//! - [`question`]: which packet is meant, and whose it is
//! - [`side`]: what one end's policies say about it, rule by rule
//!
//! An explanation follows from the Model and the inventory in force, by precedence as the language
//! defines it, and not from the programs that were made of them; tests compare it with the
//! reference interpreter, and others compare that with the programs.

pub mod question;
pub mod side;

use std::net::IpAddr;

use polc_model::{Direction, HostAccess, L4Packet, PeerKind};
use serde::{Deserialize, Serialize};

use self::{
    question::{End, Question},
    side::Side,
};
use super::party::kind_name;
use crate::{Error, flows::FlowRecord, meaning::Meaning};

/// Why a packet gets the verdict that it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The record that was asked about, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<FlowRecord>,
    /// The bundle that is explained, by digest.
    pub bundle: String,
    /// Its epoch. Not that of `record` where nobody remembers that one.
    pub epoch: u32,
    /// Who sends.
    pub source: EndShown,
    /// Who receives.
    pub destination: EndShown,
    /// Protocol and port, or ICMP type and code.
    pub packet: String,
    /// `allowed`, `denied` or `rejected`.
    pub verdict: String,
    /// What each end says that is an endpoint, the sender's first.
    pub sides: Vec<Side>,
}

/// One end of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndShown {
    /// Full name, or `world`.
    pub name: String,
    /// `endpoint`, `init`, `host`, `remote_node`, `health`, `ingress`, `unmanaged` or `world`.
    pub kind: String,
    /// Its address.
    pub address: IpAddr,
}

impl EndShown {
    fn of(end: &End<'_>) -> Self {
        Self {
            name: end.name.clone(),
            kind: kind_name(end.facts.kind).to_owned(),
            address: end.address,
        }
    }
}

/// Explains a packet under what was in force in an epoch.
///
/// # Errors
/// The question names nobody, or two ends that cannot talk.
pub fn explain(
    question: &Question,
    meaning: &Meaning,
    epoch: u32,
    record: Option<FlowRecord>,
) -> Result<Explanation, Error> {
    let (source, destination, packet) = question.resolve(&meaning.inventory)?;
    let sides = both(meaning, &source, &destination, packet);
    let verdict = sides
        .iter()
        .map(|side| side.verdict.as_str())
        .find(|verdict| *verdict != "allowed")
        .unwrap_or("allowed");
    Ok(Explanation {
        record,
        bundle: meaning.digest.clone(),
        epoch,
        source: EndShown::of(&source),
        destination: EndShown::of(&destination),
        packet: packet.to_string(),
        verdict: verdict.to_owned(),
        sides,
    })
}

/// Whether an end's policies are asked about a packet. The node's are where some apply to it, and not
/// where it reaches its own endpoints, unless the package restricts that.
fn is_asked(meaning: &Meaning, direction: Direction, subject: &End<'_>, peer: &End<'_>) -> bool {
    let kind = subject.facts.kind;
    if kind != PeerKind::Host {
        return kind.is_managed();
    }
    let is_free = meaning.model.host_access == HostAccess::Allowed
        && direction == Direction::Egress
        && matches!(peer.facts.kind, PeerKind::Endpoint | PeerKind::Init);
    meaning.governs_node && !is_free
}

/// What both ends say: the sender is asked first.
fn both(meaning: &Meaning, source: &End<'_>, destination: &End<'_>, packet: L4Packet) -> Vec<Side> {
    let model = &meaning.model;
    [
        (Direction::Egress, source, destination),
        (Direction::Ingress, destination, source),
    ]
    .into_iter()
    .filter(|(direction, subject, peer)| is_asked(meaning, *direction, subject, peer))
    .map(|(direction, subject, peer)| Side::of(model, direction, subject, peer, packet))
    .collect()
}
