//! Why a connection is allowed, and what of it is not.

use polc_model::{Direction, NamedPorts, PolicyId, l4::NO_PORTS};

use crate::{
    Connections, PeerIndex, Piece,
    end::End,
    table::{At, Side},
};

/// What one end decides.
#[derive(Clone, Debug)]
pub struct Reason {
    /// Egress at the source, ingress at the destination.
    pub direction: Direction,
    /// All L4 keys, in the order in which they are decided.
    pub pieces: Vec<Piece>,
}

/// An end and a peer.
pub(crate) struct Meeting<'a> {
    pub(crate) end: End<'a>,
    /// Positions of the rules that match the peer.
    pub(crate) matching: Vec<usize>,
    /// The ports of who receives.
    pub(crate) receiver: &'a NamedPorts,
}

impl Connections<'_> {
    /// What the ends that have policies decide about connections from one peer to another.
    #[must_use]
    pub fn reasons(&self, source: PeerIndex, destination: PeerIndex) -> Vec<Reason> {
        let egress = self.reason(&self.egress, source, destination);
        let ingress = self.reason(&self.ingress, destination, source);
        egress.into_iter().chain(ingress).collect()
    }

    fn reason(&self, side: &Side, subject: PeerIndex, peer: PeerIndex) -> Option<Reason> {
        let meeting = self.meeting(side, subject, peer)?;
        Some(Reason {
            direction: side.direction,
            pieces: meeting.end.decide(&meeting.matching, meeting.receiver),
        })
    }

    /// The rules of an end that speak about a peer. `None` where no policies are asked about the end.
    pub(crate) fn meeting(
        &self,
        side: &Side,
        subject: PeerIndex,
        peer: PeerIndex,
    ) -> Option<Meeting<'_>> {
        let class = self.classes.classes.get(self.class_of(subject)?)?;
        if !class.is_managed {
            return None;
        }
        let at = self.at(side, peer)?;
        let receiver = match side.direction {
            Direction::Ingress => &class.ports,
            Direction::Egress => {
                let peer = self.classes.classes.get(at);
                peer.map_or(&NO_PORTS, |peer| &peer.ports)
            }
        };
        let end = End::of(
            self.model,
            side.direction,
            class.policies_in(side.direction),
        );
        let matching = side.matching(&end, at, &self.classes.classes);
        Some(Meeting {
            end,
            matching,
            receiver,
        })
    }

    /// The policies that are asked about an end.
    pub(crate) fn policies_of(&self, direction: Direction, subject: PeerIndex) -> &[PolicyId] {
        let class = self.class_of(subject);
        let class = class.and_then(|class| self.classes.classes.get(class));
        class.map_or(&[], |class| class.policies_in(direction))
    }

    fn at(&self, side: &Side, index: PeerIndex) -> Option<At> {
        if let Some(class) = self.class_of(index) {
            return Some(class);
        }
        let peer = self.peer(index)?;
        let outside = side.outside.iter().position(|one| one.peer == *peer);
        outside.map(|position| self.classes.classes.len() + position)
    }
}
