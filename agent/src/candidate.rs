//! A bundle and an inventory on their way into force: read, checked and computed, with nothing on
//! the node touched yet.

use std::{collections::BTreeMap, fs, path::Path};

use polc_abi::node::{ENDPOINT_ADDRESSES, Endpoint};
use polc_bundle::Bundle;
use polc_inventory::Inventory;
use polc_tables::NodeTables;

use crate::{
    Error,
    attach::{Hook, HookPoint},
    state_dir::Source,
    sys::interface,
};

/// What is to be put in force.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The bundle.
    pub bundle: Bundle,
    /// Its name.
    pub digest: String,
    /// The inventory.
    pub inventory: Inventory,
    /// What the maps will hold.
    pub tables: NodeTables,
    /// Endpoints by interface index. Slots count from the side's start.
    pub endpoints: BTreeMap<u32, Endpoint>,
    /// Where programs must be attached.
    pub hooks: Vec<Hook>,
    /// What all of this was read from.
    pub source: Source,
}

impl Candidate {
    /// Reads both files.
    ///
    /// # Errors
    /// A file that cannot be read or used; an interface that does not exist.
    pub fn read(bundle: &Path, inventory: &Path) -> Result<Self, Error> {
        let source = Source {
            bundle: fs::read(bundle).map_err(Error::file(bundle))?,
            inventory: fs::read_to_string(inventory).map_err(Error::file(inventory))?,
        };
        Self::new(source, bundle, inventory)
    }

    /// Checks and computes. The paths are for messages.
    ///
    /// # Errors
    /// As [`Self::read`], without the reading.
    pub fn new(source: Source, bundle_path: &Path, inventory_path: &Path) -> Result<Self, Error> {
        let unusable = |cause: polc_bundle::BundleError| Error::Bundle {
            path: bundle_path.to_owned(),
            cause: cause.to_string(),
        };
        let bundle = Bundle::decode(&source.bundle).map_err(unusable)?;
        let digest = bundle.digest().map_err(unusable)?.to_string();
        let inventory = Inventory::parse(&source.inventory).map_err(|cause| Error::Inventory {
            path: inventory_path.to_owned(),
            cause: cause.to_string(),
        })?;
        let tables = NodeTables::compute(&bundle.model, &bundle.plan, &inventory)
            .map_err(|cause| Error::TooLarge(cause.to_string()))?;

        let mut endpoints = BTreeMap::new();
        let mut hooks = Vec::new();
        for local in &tables.endpoints {
            let ifindex = index_of(format!("endpoint `{}`", local.name), &local.interface)?;
            if local.addresses.len() > ENDPOINT_ADDRESSES {
                return Err(Error::TooLarge(format!(
                    "endpoint `{}` has {} addresses; the limit is {ENDPOINT_ADDRESSES}",
                    local.name,
                    local.addresses.len()
                )));
            }
            let mut endpoint = Endpoint {
                id: local.id,
                ingress_slot: local.ingress_slot,
                egress_slot: local.egress_slot,
                address_count: local.addresses.len() as u32,
                ..Endpoint::default()
            };
            for (to, from) in endpoint.addresses.iter_mut().zip(&local.addresses) {
                *to = *from;
            }
            endpoints.insert(ifindex, endpoint);
            for point in [HookPoint::FromEndpoint, HookPoint::ToEndpoint] {
                hooks.push(Hook {
                    point,
                    interface: local.interface.clone(),
                    ifindex,
                });
            }
        }
        for uplink in &inventory.node.uplinks {
            hooks.push(Hook {
                point: HookPoint::FromUplink,
                ifindex: index_of("node".to_owned(), uplink)?,
                interface: uplink.clone(),
            });
        }
        Ok(Self {
            bundle,
            digest,
            inventory,
            tables,
            endpoints,
            hooks,
            source,
        })
    }
}

fn index_of(what: String, interface: &str) -> Result<u32, Error> {
    interface::index_of(interface).ok_or_else(|| Error::NoInterface {
        what,
        interface: interface.to_owned(),
    })
}
