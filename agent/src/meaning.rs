//! What a bundle and an inventory mean together: all that explains a packet, also when it is long over.

use std::sync::Arc;

use polc_abi::key::Address;
use polc_inventory::Inventory;
use polc_model::Model;
use polc_plan::Deciders;
use polc_tables::{NodeTables, address_of};

use crate::inspect::party;

/// What a bundle and an inventory mean. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// The bundle's policies.
    pub model: Arc<Model>,
    /// The numbers of their deciders.
    pub deciders: Arc<Deciders>,
    /// The bundle's name.
    pub digest: String,
    /// The inventory, with the endpoints that were set through the API.
    pub inventory: Arc<Inventory>,
    /// Whether policies apply to the node itself.
    pub governs_node: bool,
    /// What the maps hold, which names everybody at once. Not kept where it is over.
    tables: Option<Arc<NodeTables>>,
}

impl Meaning {
    pub(crate) fn new(
        model: Arc<Model>,
        deciders: Arc<Deciders>,
        digest: String,
        inventory: Arc<Inventory>,
        tables: Arc<NodeTables>,
    ) -> Self {
        Self {
            model,
            deciders,
            digest,
            inventory,
            governs_node: tables.node.is_some(),
            tables: Some(tables),
        }
    }

    /// The same, when it is over.
    pub(crate) fn without_tables(&self) -> Self {
        Self {
            tables: None,
            ..self.clone()
        }
    }

    /// The name of whoever has an address.
    #[must_use]
    pub fn name_of(&self, address: Address) -> String {
        let name = match &self.tables {
            Some(tables) => {
                let known = &tables.addresses;
                let position = known.binary_search_by(|(known, _)| known.cmp(&address));
                let peer = position.ok().and_then(|position| known.get(position));
                peer.map(|(_, peer)| tables.name_of(peer.id).to_owned())
            }
            // The inventory knows it as well.
            None => party::name_at(&self.inventory, address_of(address)),
        };
        name.unwrap_or_else(|| "world".to_owned())
    }

    /// The name of whoever has an id in the maps, as long as they hold it.
    pub(crate) fn name_of_id(&self, id: u32) -> Option<&str> {
        self.tables.as_ref()?.names.get(id)
    }
}
