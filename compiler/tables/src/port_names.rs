//! Which named ports there are, of those that the node's programs ask for.

use std::collections::BTreeMap;

use polc_abi::{key::L4Key, policy::PortNamesKey};
use polc_model::NamedPorts;
use polc_plan::{Names, PortName};

use crate::Placement;

/// Named ports in the making.
pub(crate) struct PortNames<'a> {
    placement: &'a Placement,
    names: BTreeMap<PortNamesKey, Names>,
}

impl<'a> PortNames<'a> {
    /// None yet. Others than those with a bit will be left out.
    pub(crate) const fn asked_for(placement: &'a Placement) -> Self {
        Self {
            placement,
            names: BTreeMap::new(),
        }
    }

    /// Adds the ports of a peer. Several names may stand for one port.
    pub(crate) fn add(&mut self, receiver: u32, ports: &NamedPorts) {
        if self.placement.names().is_empty() {
            return;
        }
        for (name, port) in ports {
            let name = PortName {
                protocol: port.protocol,
                name: name.clone(),
            };
            if let Some(&bit) = self.placement.names().get(&name) {
                let l4 = L4Key::port(port.protocol.number(), port.port).0;
                let key = PortNamesKey { receiver, l4 };
                self.names.entry(key).or_default().insert(bit);
            }
        }
    }

    /// All of them, in order of key.
    pub(crate) fn finish(self) -> Vec<(PortNamesKey, Names)> {
        self.names.into_iter().collect()
    }
}
