//! A bundle and an inventory on their way into force: read, checked and computed, with nothing on
//! the node touched yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use polc_abi::node::{ENDPOINT_ADDRESSES, Endpoint, NODE};
use polc_bundle::{Bundle, Opened, signature::KeyId};
use polc_inventory::Inventory;
use polc_plan::{Choice, Deciders};
use polc_tables::{Before, LocalEndpoint, NodeTables, address_of};
use tracing::warn;

use crate::{
    Error,
    attach::{Hook, HookPoint},
    inventory_source::refused,
    meaning::Meaning,
    routes::HostRoutes,
    state_dir::Source,
    sys::interface::{self, Lookup},
    trust::Trust,
};

/// What is to be put in force.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it means.
    pub meaning: Arc<Meaning>,
    opened: Arc<Opened>,
    /// The key that signed it, where signatures are asked for.
    pub signed_by: Option<KeyId>,
    /// What the maps will hold.
    pub tables: Arc<NodeTables>,
    /// Endpoints by interface index, and the node by [`NODE`] where policies apply to it. Their slots are
    /// positions of classes.
    pub endpoints: BTreeMap<u32, Endpoint>,
    /// Interfaces of this node's endpoints, in the tables' order. `None` where no interface is said, and
    /// none has a route to the endpoint.
    pub interfaces: Vec<Option<String>>,
    /// Where programs must be attached.
    pub hooks: Vec<Hook>,
    /// Interfaces that do not exist, if that was no reason to refuse.
    pub absent: Vec<String>,
    /// What all of this was read from.
    pub source: Source,
}

/// A bundle and an inventory, read.
struct Read {
    opened: Arc<Opened>,
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
        let mut source = source;
        let signed_by = trust.check(&source, bundle_path)?;
        let unusable = |cause: polc_bundle::BundleError| Error::Bundle {
            path: bundle_path.to_owned(),
            cause,
        };
        // Most often one of the two is what it was.
        let opened = match before {
            Some(before) if before.source.bundle == source.bundle => {
                source.bundle = before.source.bundle.clone();
                Arc::clone(&before.opened)
            }
            Some(before) => {
                let opened = Opened::read_after(&source.bundle, &before.opened);
                Arc::new(opened.map_err(unusable)?)
            }
            None => Arc::new(Opened::read(&source.bundle).map_err(unusable)?),
        };
        if let Some(before) = before {
            share(&mut source.inventory, &before.source.inventory);
        }
        let inventory = whole(before, &source).map_err(refused(inventory_path))?;
        let read = Read {
            opened,
            signed_by,
            inventory,
            source,
        };
        Self::compute(before, read, missing)
    }

    /// What is in force, with what else there is now: other interfaces, another inventory, or other
    /// endpoints. `before` is as in [`Self::after`].
    ///
    /// # Errors
    /// Endpoints that contradict the inventory; more than the maps hold.
    pub(crate) fn with_source(
        in_force: &Self,
        before: Option<&Self>,
        source: Source,
        inventory_path: &Path,
    ) -> Result<Self, Error> {
        let inventory = whole(Some(in_force), &source).map_err(refused(inventory_path))?;
        let read = Read {
            opened: Arc::clone(&in_force.opened),
            signed_by: in_force.signed_by,
            inventory,
            source,
        };
        Self::compute(before, read, MissingInterface::Skip)
    }

    fn compute(
        before: Option<&Self>,
        read: Read,
        missing: MissingInterface,
    ) -> Result<Self, Error> {
        let Read {
            opened,
            signed_by,
            inventory,
            source,
        } = read;
        let bundle = opened.bundle();
        let tables = NodeTables::compute_with(
            &bundle.model,
            &bundle.plan,
            &inventory,
            Choice::Cheapest,
            before.map(|before| Before {
                model: &before.meaning.model,
                inventory: &before.meaning.inventory,
                tables: &before.tables,
            }),
        )
        .map_err(|cause| Error::TooLarge(cause.to_string()))?;
        let tables = Arc::new(tables);

        let mut endpoints = BTreeMap::new();
        let mut hooks = Vec::new();
        let mut absent = Vec::new();
        let lookup = Lookup::open().map_err(Error::kernel("asking for interfaces"))?;
        let mut index_of = |what: &dyn Fn() -> String, interface: &str| {
            let index = lookup.index_of(interface);
            if index.is_none() {
                if missing == MissingInterface::Refuse {
                    return Err(Error::NoInterface {
                        what: what(),
                        interface: interface.to_owned(),
                    });
                }
                absent.push(interface.to_owned());
            }
            Ok(index)
        };
        let mut links = Vec::with_capacity(tables.endpoints.len());
        for local in &tables.endpoints {
            links.push(match &local.interface {
                Some(name) => {
                    let index = index_of(&|| format!("endpoint `{}`", local.name), name)?;
                    (Some(name.clone()), index)
                }
                None => (None, None),
            });
        }
        for uplink in &inventory.node.uplinks {
            if let Some(ifindex) = index_of(&|| "node".to_owned(), uplink)? {
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
        let mut taken: BTreeSet<u32> = links.iter().filter_map(|(_, index)| *index).collect();
        taken.extend(hooks.iter().map(|hook| hook.ifindex));
        let routed = routed(&tables);
        for ((interface, index), found) in links.iter_mut().zip(routed) {
            // An interface is one endpoint's.
            let found = found.filter(|&found| index.is_none() && taken.insert(found));
            if let Some(name) = found.and_then(interface::name_of) {
                (*interface, *index) = (Some(name), found);
            }
        }
        for (local, (interface, index)) in tables.endpoints.iter().zip(&links) {
            if let (Some(interface), &Some(ifindex)) = (interface, index) {
                endpoints.insert(ifindex, entry(local)?);
                for point in [HookPoint::FromEndpoint, HookPoint::ToEndpoint] {
                    hooks.push(Hook {
                        point,
                        interface: interface.clone(),
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
            meaning: Arc::new(Meaning::new(
                Arc::clone(&bundle.model),
                match before {
                    Some(before) if Arc::ptr_eq(&before.opened, &opened) => {
                        Arc::clone(&before.meaning.deciders)
                    }
                    _ => Arc::new(Deciders::of(&bundle.model)),
                },
                opened.digest().to_string(),
                inventory,
                Arc::clone(&tables),
            )),
            opened,
            signed_by,
            tables,
            endpoints,
            interfaces: links.into_iter().map(|(interface, _)| interface).collect(),
            hooks,
            absent,
            source,
        })
    }

    /// Indices of the endpoints' interfaces.
    pub fn ifindices(&self) -> impl Iterator<Item = u32> {
        let all = self.endpoints.keys().copied();
        all.filter(|ifindex| *ifindex != NODE)
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        self.opened.bundle()
    }

    /// Whether those of these endpoints that are on this node have interfaces that exist.
    ///
    /// # Errors
    /// One has none.
    pub(crate) fn check_interfaces(&self, names: &[String]) -> Result<(), Error> {
        for (local, interface) in self.local_endpoints() {
            if !names.contains(&local.name) {
                continue;
            }
            let Some(interface) = interface else {
                return Err(Error::NoRoute(local.name.clone()));
            };
            if self.absent.iter().any(|absent| absent == interface) {
                return Err(Error::NoInterface {
                    what: format!("endpoint `{}`", local.name),
                    interface: interface.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// This node's endpoints with their interfaces, where they are known.
    pub fn local_endpoints(&self) -> impl Iterator<Item = (&LocalEndpoint, Option<&str>)> {
        let interfaces = self.interfaces.iter().map(Option::as_deref);
        self.tables.endpoints.iter().zip(interfaces)
    }

    /// Whether every interface still has the index that the candidate was computed with, those that
    /// were absent still are, and endpoints are still routed to the same ones.
    #[must_use]
    pub fn interfaces_are_current(&self) -> bool {
        let endpoints = self.tables.endpoints.iter().zip(&self.interfaces);
        let Ok(lookup) = Lookup::open() else {
            // Whoever tries will say why.
            return false;
        };
        // An endpoint has two hooks, and one interface.
        let hooks = self.hooks.iter();
        hooks
            .filter(|hook| hook.point != HookPoint::ToEndpoint)
            .all(|hook| lookup.index_of(&hook.interface) == Some(hook.ifindex))
            && self
                .absent
                .iter()
                .all(|name| lookup.index_of(name).is_none())
            && endpoints
                .zip(routed(&self.tables))
                .filter(|((local, _), _)| local.interface.is_none())
                .all(|((_, known), found)| match found {
                    Some(index) => interface::name_of(index) == *known,
                    None => known.is_none(),
                })
    }
}

/// The inventory of a source: with the endpoints that were set.
fn whole(
    before: Option<&Candidate>,
    source: &Source,
) -> Result<Arc<Inventory>, polc_inventory::InventoryError> {
    if let Some(before) = before
        && Arc::ptr_eq(&before.source.inventory, &source.inventory)
        && before.source.endpoints == source.endpoints
    {
        return Ok(Arc::clone(&before.meaning.inventory));
    }
    if source.endpoints.is_empty() {
        return Ok(Arc::clone(&source.inventory));
    }
    let whole = source.inventory.with_endpoints(&source.endpoints)?;
    Ok(Arc::new(whole))
}

/// Makes an inventory share with the one before what both say.
fn share(inventory: &mut Arc<Inventory>, before: &Arc<Inventory>) {
    if Arc::ptr_eq(inventory, before) {
        return;
    }
    if **inventory == **before {
        *inventory = Arc::clone(before);
    } else {
        Arc::make_mut(inventory).share_endpoints(before);
    }
}

/// For each endpoint of this node whose interface nobody says, the one that it is routed to.
fn routed(tables: &NodeTables) -> Vec<Option<u32>> {
    let endpoints = tables.endpoints.iter();
    if endpoints.clone().all(|one| one.interface.is_some()) {
        return vec![None; tables.endpoints.len()];
    }
    let routes = HostRoutes::read().unwrap_or_else(|error| {
        warn!("endpoints whose interface is not said are not found: {error}");
        HostRoutes::default()
    });
    endpoints
        .map(|one| match one.interface {
            Some(_) => None,
            None => routes.interface_of(one.addresses.iter().copied().map(address_of)),
        })
        .collect()
}

/// What the datapath knows of an endpoint.
fn entry(local: &LocalEndpoint) -> Result<Endpoint, Error> {
    if local.addresses.len() > ENDPOINT_ADDRESSES {
        return Err(Error::TooLarge(format!(
            "endpoint `{}` has {} addresses; the limit is {ENDPOINT_ADDRESSES}",
            local.name,
            local.addresses.len()
        )));
    }
    let mut entry = Endpoint {
        id: local.id,
        ingress_slot: local.ingress_slot,
        egress_slot: local.egress_slot,
        address_count: local.addresses.len() as u32,
        ..Endpoint::default()
    };
    for (to, from) in entry.addresses.iter_mut().zip(&local.addresses) {
        *to = *from;
    }
    Ok(entry)
}
