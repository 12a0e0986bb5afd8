//! What both ends allow.

use std::collections::BTreeMap;

use polc_cluster::Cluster;
use polc_model::{Direction, Model};

use crate::{
    L4Set, Peer,
    class::Classes,
    entrances,
    table::{SetId, Sets, Side},
};

/// A peer, by its place in [`Connections::peers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerIndex(pub u32);

/// That a peer may open connections to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Who opens them.
    pub source: PeerIndex,
    /// Who receives them.
    pub destination: PeerIndex,
    /// On what, in [`Connections::keys`].
    pub(crate) set: SetId,
}

/// Who may talk to whom. Those that may not are left out, and so is what a workload says to itself.
#[derive(Debug)]
pub struct Connections<'m> {
    /// The ends, in order.
    pub peers: Vec<Peer>,
    /// In order of source and destination.
    pub connections: Vec<Connection>,
    pub(crate) model: &'m Model,
    pub(crate) classes: Classes,
    pub(crate) ingress: Side,
    pub(crate) egress: Side,
    sets: Sets,
    /// The class of each peer; of those outside, none.
    class_of: Vec<Option<usize>>,
}

impl<'m> Connections<'m> {
    /// What the policies of a Model allow in a cluster.
    #[must_use]
    pub fn of(model: &'m Model, cluster: &Cluster) -> Self {
        let classes = Classes::of(model, cluster);
        let mut sets = Sets::default();
        let ingress = Side::of(model, &classes, Direction::Ingress, &mut sets);
        let egress = Side::of(model, &classes, Direction::Egress, &mut sets);
        let mut connections = Self {
            peers: peers(&classes, [&ingress, &egress]),
            connections: Vec::new(),
            model,
            classes,
            ingress,
            egress,
            sets,
            class_of: Vec::new(),
        };
        let numbers = Numbers::of(&connections);
        connections.class_of = numbers.classes(connections.peers.len());
        connections.among_workloads(&numbers);
        connections.with_outside(&numbers);
        connections.through_entrances(&numbers, cluster);
        connections.connections.sort_unstable();
        connections
    }

    /// On what a connection is allowed. Never nothing.
    #[must_use]
    pub fn keys(&self, connection: &Connection) -> &L4Set {
        static NOTHING: std::sync::OnceLock<L4Set> = std::sync::OnceLock::new();
        let set = self.sets.get(connection.set);
        set.unwrap_or_else(|| NOTHING.get_or_init(L4Set::default))
    }

    /// A peer of a connection.
    #[must_use]
    pub fn peer(&self, index: PeerIndex) -> Option<&Peer> {
        self.peers.get(index.0 as usize)
    }

    pub(crate) fn class_of(&self, peer: PeerIndex) -> Option<usize> {
        self.class_of.get(peer.0 as usize).copied().flatten()
    }

    fn is_nothing(&self, set: SetId) -> bool {
        self.sets.get(set).is_none_or(L4Set::is_empty)
    }

    fn among_workloads(&mut self, numbers: &Numbers) {
        let count = self.classes.classes.len();
        let reluctant = |side: &Side, class: usize| {
            let table = side.tables.get(class);
            table.is_none_or(|table| self.is_nothing(table.inside))
        };
        // Whether a class allows nothing to workloads but those it lists.
        let is_reluctant: Vec<bool> = (0..count)
            .map(|class| reluctant(&self.egress, class))
            .collect();
        let generous: Vec<usize> = (0..count)
            .filter(|class| is_reluctant.get(*class) == Some(&false))
            .collect();
        let mut sources_of: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (source, table) in self.egress.tables.iter().enumerate() {
            if is_reluctant.get(source) == Some(&true) {
                for at in table.listed.keys() {
                    if let Some(sources) = sources_of.get_mut(*at) {
                        sources.push(source);
                    }
                }
            }
        }
        for (destination, reluctant_sources) in sources_of.into_iter().enumerate() {
            let is_managed = |class: usize| {
                let class = self.classes.classes.get(class);
                class.is_some_and(|class| class.is_managed)
            };
            let sources: Vec<usize> = match self.ingress.tables.get(destination) {
                // What holds of workloads in general does not of those in their node's network.
                _ if !is_managed(destination) => (0..count).collect(),
                Some(table) if self.is_nothing(table.inside) => table
                    .listed
                    .keys()
                    .copied()
                    .filter(|at| *at < count)
                    .collect(),
                _ => reluctant_sources
                    .into_iter()
                    .chain(generous.iter().copied())
                    .collect(),
            };
            for source in self.with_unmanaged(sources) {
                self.add_pair(source, destination, numbers);
            }
        }
    }

    /// Some classes, and those that policies are not asked about.
    fn with_unmanaged(&self, mut sources: Vec<usize>) -> Vec<usize> {
        let classes = self.classes.classes.iter().enumerate();
        let unmanaged = classes.filter(|(_, class)| !class.is_managed);
        sources.extend(unmanaged.map(|(number, _)| number));
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn add_pair(&mut self, source: usize, destination: usize, numbers: &Numbers) {
        let classes = &self.classes.classes;
        let egress = self.egress.set(source, destination, classes);
        let ingress = self.ingress.set(destination, source, classes);
        let (Some(egress), Some(ingress)) = (egress, ingress) else {
            return;
        };
        let set = self.sets.intersection(egress, ingress);
        if self.is_nothing(set) {
            return;
        }
        for &source in numbers.members(source) {
            for &destination in numbers.members(destination) {
                if source != destination {
                    self.connections.push(Connection {
                        source,
                        destination,
                        set,
                    });
                }
            }
        }
    }

    fn with_outside(&mut self, numbers: &Numbers) {
        let count = self.classes.classes.len();
        for side in [&self.ingress, &self.egress] {
            for (number, outside) in side.outside.iter().enumerate() {
                let Some(&outside) = numbers.by_peer.get(&outside.peer) else {
                    continue;
                };
                if self.peer(outside) == Some(&Peer::IngressController) {
                    continue;
                }
                for class in 0..count {
                    let set = side.set(class, count + number, &self.classes.classes);
                    let Some(set) = set.filter(|set| !self.is_nothing(*set)) else {
                        continue;
                    };
                    for &member in numbers.members(class) {
                        let (source, destination) = match side.direction {
                            Direction::Ingress => (outside, member),
                            Direction::Egress => (member, outside),
                        };
                        self.connections.push(Connection {
                            source,
                            destination,
                            set,
                        });
                    }
                }
            }
        }
    }

    /// What Ingress and Route objects let in, and the workloads behind their services allow.
    fn through_entrances(&mut self, numbers: &Numbers, cluster: &Cluster) {
        let count = self.classes.classes.len();
        let mut outside = self.ingress.outside.iter();
        let position = outside.position(|one| one.peer == Peer::IngressController);
        let controller = numbers.by_peer.get(&Peer::IngressController).copied();
        let (Some(position), Some(source)) = (position, controller) else {
            return;
        };
        for (title, wanted) in entrances::wanted(cluster) {
            let Some(&destination) = numbers.by_peer.get(&Peer::Workload(title)) else {
                continue;
            };
            let Some(class) = self.class_of(destination) else {
                continue;
            };
            let allowed = self
                .ingress
                .set(class, count + position, &self.classes.classes);
            let wanted = self.sets.id(wanted);
            let set = allowed.map(|allowed| self.sets.intersection(allowed, wanted));
            if let Some(set) = set.filter(|set| !self.is_nothing(*set)) {
                self.connections.push(Connection {
                    source,
                    destination,
                    set,
                });
            }
        }
    }
}

/// Every end, in order.
fn peers(classes: &Classes, sides: [&Side; 2]) -> Vec<Peer> {
    let workloads = classes.classes.iter().flat_map(|class| &class.members);
    let outside = sides.into_iter().flat_map(|side| &side.outside);
    let outside = outside.map(|outside| &outside.peer);
    let mut peers: Vec<Peer> = workloads.chain(outside).cloned().collect();
    peers.sort();
    peers.dedup();
    peers
}

/// The numbers of peers.
struct Numbers {
    by_peer: BTreeMap<Peer, PeerIndex>,
    members: Vec<Vec<PeerIndex>>,
}

impl Numbers {
    fn of(connections: &Connections<'_>) -> Self {
        let number = |(number, peer): (usize, &Peer)| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            (peer.clone(), PeerIndex(number))
        };
        let by_peer: BTreeMap<Peer, PeerIndex> =
            connections.peers.iter().enumerate().map(number).collect();
        let classes = connections.classes.classes.iter();
        let members = classes.map(|class| {
            let members = class.members.iter();
            members
                .filter_map(|peer| by_peer.get(peer).copied())
                .collect()
        });
        Self {
            members: members.collect(),
            by_peer,
        }
    }

    fn members(&self, class: usize) -> &[PeerIndex] {
        self.members.get(class).map_or(&[], Vec::as_slice)
    }

    /// The class of each of so many peers.
    fn classes(&self, peers: usize) -> Vec<Option<usize>> {
        let mut classes = vec![None; peers];
        for (number, members) in self.members.iter().enumerate() {
            for member in members {
                if let Some(class) = classes.get_mut(member.0 as usize) {
                    *class = Some(number);
                }
            }
        }
        classes
    }
}
