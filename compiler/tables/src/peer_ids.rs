//! Numbers of peers. They follow from the peers' names, so that a peer keeps its number while others
//! come and go, and whoever computes the tables again gets the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_abi::node::{PEER_IDS, PEER_WORLD};
use polc_plan::stable_hash;

/// Who a peer is: those of different kinds may have the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerRole {
    Node = 1,
    Endpoint = 2,
    RemoteNode = 3,
    Entity = 4,
}

/// Names by peer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames {
    names: BTreeMap<u32, Arc<str>>,
    /// Numbers that several names would have, and those that were given instead.
    crowded: BTreeSet<u32>,
}

impl Default for PeerNames {
    fn default() -> Self {
        Self {
            names: [(PEER_WORLD, "world".into())].into(),
            crowded: BTreeSet::new(),
        }
    }
}

/// The number that a name alone gives.
fn natural(role: PeerRole, name: &str) -> u32 {
    let bytes = [role as u8].into_iter().chain(name.bytes());
    stable_hash::below(PEER_IDS, bytes)
}

impl PeerNames {
    /// Gives a peer its number: where another has it already, the next one that is free.
    pub(crate) fn add(&mut self, role: PeerRole, name: String) -> u32 {
        let mut id = natural(role, &name);
        while self.names.contains_key(&id) {
            self.crowded.insert(id);
            id = (id + 1) % PEER_IDS;
            self.crowded.insert(id);
        }
        self.names.insert(id, name.into());
        id
    }

    /// The number of a peer that is there. `None` where somebody may have another one's.
    pub(crate) fn natural(&self, role: PeerRole, name: &str) -> Option<u32> {
        let id = natural(role, name);
        (!self.crowded.contains(&id)).then_some(id)
    }

    /// As [`Self::add`]. `None` where another has the number already.
    pub(crate) fn add_natural(&mut self, role: PeerRole, name: &str) -> Option<u32> {
        let id = self.natural(role, name)?;
        if self.names.contains_key(&id) {
            return None;
        }
        self.names.insert(id, name.into());
        Some(id)
    }

    /// Takes a number back.
    pub(crate) fn remove(&mut self, id: u32) {
        self.names.remove(&id);
    }

    /// The name of a peer.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&str> {
        self.names.get(&id).map(|name| &**name)
    }

    /// All ids and names, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.iter().map(|(&id, name)| (id, &**name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_keeps_its_number_while_others_come_and_go() {
        let ids = |names: &[&str]| -> Vec<u32> {
            let mut peers = PeerNames::default();
            let mut add = |name: &&str| peers.add(PeerRole::Endpoint, (*name).to_owned());
            names.iter().map(&mut add).collect()
        };
        let all = ids(&["a", "b", "c"]);
        assert_eq!(ids(&["c", "x"])[0], all[2]);
    }

    #[test]
    fn nobody_shares_a_number() {
        let mut peers = PeerNames::default();
        let one = peers.add(PeerRole::Endpoint, "same".to_owned());
        let other = peers.add(PeerRole::Endpoint, "same".to_owned());
        let node = peers.add(PeerRole::Node, "same".to_owned());
        assert_eq!(peers.iter().count(), 4, "{one} {other} {node}");
        assert_eq!(peers.get(PEER_WORLD), Some("world"));
    }
}
