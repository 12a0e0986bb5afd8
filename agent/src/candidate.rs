//! A bundle and an inventory on their way into force: read, checked and computed, with nothing on
//! the node touched yet.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use polc_abi::node::{ENDPOINT_ADDRESSES, Endpoint, NODE};
use polc_bundle::{Bundle, signature::KeyId};
use polc_inventory::Inventory;
use polc_plan::{Choice, Deciders};
use polc_tables::{Before, NodeTables};

use crate::{
    Error,
    attach::{Hook, HookPoint},
    state_dir::Source,
    sys::interface,
    trust::Trust,
};

/// What is to be put in force.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// The numbers of its deciders.
    pub deciders: Deciders,
    /// Its name.
    pub digest: String,
    /// The key that signed it, where signatures are asked for.
    pub signed_by: Option<KeyId>,
    /// The inventory.
    pub inventory: Arc<Inventory>,
    /// What the maps will hold.
    pub tables: NodeTables,
    /// Endpoints by interface index, and the node by [`NODE`] where policies apply to it. Their slots are
    /// positions of classes.
    pub endpoints: BTreeMap<u32, Endpoint>,
    /// Where programs must be attached.
    pub hooks: Vec<Hook>,
    /// Interfaces that do not exist, if that was no reason to refuse.
    pub absent: Vec<String>,
    /// What all of this was read from.
    pub source: Source,
}

/// A bundle and an inventory, read.
struct Read {
    bundle: Arc<Bundle>,
    digest: String,
    signed_by: Option<KeyId>,
    inventory: Arc<Inventory>,
    source: Source,
}

/// What to do about an interface of the inventory that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingInterface {
    /// Refuse the inventory: somebody has just given it to us, and it is wrong.
    Refuse,
    /// Go on without it: the inventory is in force, and a pod has ended since.
    Skip,
}

impl Candidate {
    /// Checks and computes. The paths are for messages.
    ///
    /// # Errors
    /// A bundle of somebody who is not trusted; a file that cannot be used; an interface that does
    /// not exist, where that matters.
    pub fn new(
        source: Source,
        trust: &Trust,
        bundle_path: &Path,
        inventory_path: &Path,
        missing: MissingInterface,
    ) -> Result<Self, Error> {
        Self::after(None, source, trust, [bundle_path, inventory_path], missing)
    }

    /// As [`Self::new`], to follow what is in force, where its programs serve on: what they ask about
    /// keeps its places.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn after(
        before: Option<&Self>,
        source: Source,
        trust: &Trust,
        [bundle_path, inventory_path]: [&Path; 2],
        missing: MissingInterface,
    ) -> Result<Self, Error> {
        let signed_by = trust.check(&source, bundle_path)?;
        let unusable = |cause: polc_bundle::BundleError| Error::Bundle {
            path: bundle_path.to_owned(),
            cause,
        };
        // Most often one of the two is what it was.
        let (bundle, digest) = match before {
            Some(before) if before.source.bundle == source.bundle => {
                (Arc::clone(&before.bundle), before.digest.clone())
            }
            _ => {
                let (bundle, digest) = Bundle::decode_named(&source.bundle).map_err(unusable)?;
                (Arc::new(bundle), digest.to_string())
            }
        };
        let inventory =
            match before {
                Some(before) if before.source.inventory == source.inventory => {
                    Arc::clone(&before.inventory)
                }
                _ => Arc::new(Inventory::parse(&source.inventory).map_err(|cause| {
                    Error::Inventory {
                        path: inventory_path.to_owned(),
                        cause: cause.to_string(),
                    }
                })?),
            };
        let read = Read {
            bundle,
            digest,
            signed_by,
            inventory,
            source,
        };
        Self::compute(before, read, missing)
    }

    /// The bundle of what is in force with another inventory, whose text this is. `before` is as in
    /// [`Self::after`].
    ///
    /// # Errors
    /// More than the maps hold.
    pub(crate) fn with_inventory(
        in_force: &Self,
        before: Option<&Self>,
        text: String,
        inventory: Arc<Inventory>,
    ) -> Result<Self, Error> {
        let read = Read {
            bundle: Arc::clone(&in_force.bundle),
            digest: in_force.digest.clone(),
            signed_by: in_force.signed_by,
            inventory,
            source: Source {
                inventory: text,
                ..in_force.source.clone()
            },
        };
        Self::compute(before, read, MissingInterface::Skip)
    }

    fn compute(
        before: Option<&Self>,
        read: Read,
        missing: MissingInterface,
    ) -> Result<Self, Error> {
        let Read {
            bundle,
            digest,
            signed_by,
            inventory,
            source,
        } = read;
        let tables = NodeTables::compute_with(
            &bundle.model,
            &bundle.plan,
            &inventory,
            Choice::Cheapest,
            before.map(|before| Before {
                model: &before.bundle.model,
                inventory: &before.inventory,
                tables: &before.tables,
            }),
        )
        .map_err(|cause| Error::TooLarge(cause.to_string()))?;

        let mut endpoints = BTreeMap::new();
        let mut hooks = Vec::new();
        let mut absent = Vec::new();
        let mut index_of = |what: String, interface: &str| {
            let index = interface::index_of(interface);
            if index.is_none() {
                if missing == MissingInterface::Refuse {
                    return Err(Error::NoInterface {
                        what,
                        interface: interface.to_owned(),
                    });
                }
                absent.push(interface.to_owned());
            }
            Ok(index)
        };
        for local in &tables.endpoints {
            let what = format!("endpoint `{}`", local.name);
            let Some(ifindex) = index_of(what, &local.interface)? else {
                continue;
            };
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
            if let Some(ifindex) = index_of("node".to_owned(), uplink)? {
                let governed = tables.node.map(|_| HookPoint::ToUplink);
                for point in [HookPoint::FromUplink].into_iter().chain(governed) {
                    hooks.push(Hook {
                        point,
                        interface: uplink.clone(),
                        ifindex,
                    });
                }
            }
        }
        if let Some(node) = tables.node {
            let node = Endpoint {
                id: node.id,
                ingress_slot: node.ingress_slot,
                egress_slot: node.egress_slot,
                ..Endpoint::default()
            };
            endpoints.insert(NODE, node);
        }
        Ok(Self {
            deciders: Deciders::of(&bundle.model),
            bundle,
            digest,
            signed_by,
            inventory,
            tables,
            endpoints,
            hooks,
            absent,
            source,
        })
    }

    /// The interfaces of the endpoints.
    pub fn interfaces(&self) -> impl Iterator<Item = u32> {
        let all = self.endpoints.keys().copied();
        all.filter(|ifindex| *ifindex != NODE)
    }

    /// Whether every interface still has the index that the candidate was computed with, and those
    /// that were absent still are.
    #[must_use]
    pub fn interfaces_are_current(&self) -> bool {
        self.hooks
            .iter()
            .all(|hook| interface::index_of(&hook.interface) == Some(hook.ifindex))
            && self
                .absent
                .iter()
                .all(|name| interface::index_of(name).is_none())
    }
}
