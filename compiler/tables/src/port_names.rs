//! Which named ports there are, of those that the node's programs ask for.

use std::collections::BTreeMap;

use polc_abi::{key::L4Key, policy::PortNamesKey};
use polc_model::NamedPorts;
use polc_plan::{Layout, Names};

/// Named ports in the making.
pub(crate) struct PortNames {
    asked_for: Names,
    names: BTreeMap<PortNamesKey, Names>,
}

impl PortNames {
    /// None yet. Others than these will be left out.
    pub(crate) const fn asked_for(asked_for: Names) -> Self {
        Self {
            asked_for,
            names: BTreeMap::new(),
        }
    }

    /// Adds the ports of a peer. Several names may stand for one port.
    pub(crate) fn add(&mut self, layout: &Layout, receiver: u32, ports: &NamedPorts) {
        for (protocol, port, name) in layout.names_of(ports) {
            if self.asked_for.holds(name) {
                let l4 = L4Key::port(protocol.number(), port).0;
                let key = PortNamesKey { receiver, l4 };
                self.names.entry(key).or_default().insert(name);
            }
        }
    }

    /// All of them, in order of key.
    pub(crate) fn finish(self) -> Vec<(PortNamesKey, Names)> {
        self.names.into_iter().collect()
    }
}
