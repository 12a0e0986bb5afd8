//! Why a connection is allowed, and what of it is not.

use polc_model::{Direction, l4::NO_PORTS};

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

impl Connections<'_> {
    /// What the ends that have policies decide about connections from one peer to another.
    #[must_use]
    pub fn reasons(&self, source: PeerIndex, destination: PeerIndex) -> Vec<Reason> {
        let egress = self.reason(&self.egress, source, destination);
        let ingress = self.reason(&self.ingress, destination, source);
        egress.into_iter().chain(ingress).collect()
    }

    fn reason(&self, side: &Side, subject: PeerIndex, peer: PeerIndex) -> Option<Reason> {
        let subject = self.class_of(subject)?;
        let class = self.classes.classes.get(subject)?;
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
        Some(Reason {
            direction: side.direction,
            pieces: end.decide(&matching, receiver),
        })
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
