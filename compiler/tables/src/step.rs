//! From the tables before to the next, where some endpoints have changed and nothing else: what is said
//! of the others is not computed again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use polc_abi::{key::Address, node::Peer};
use polc_inventory::{Endpoint, Inventory};
use polc_model::Model;
use polc_plan::ClassPlan;

use crate::{
    Before, GovernedNode, LocalEndpoint, NodeTables, address_bytes, classes::Slots, flags,
    party::Party, peer_ids::PeerRole, port_names::PortNames, prefixes, rows::Rows,
};

/// One in so many endpoints may be another; otherwise all are computed again.
const FEW: usize = 4;

/// The next tables, with the same placement. `None` where they are better computed as a whole.
pub(crate) fn step(
    before: Before<'_>,
    model: &Model,
    inventory: &Inventory,
    same: &[Option<u32>],
    classes: &[Arc<ClassPlan>],
    (slots, node): (&BTreeMap<u32, Slots>, Option<GovernedNode>),
) -> Option<NodeTables> {
    let tables = before.tables;
    let mut is_kept = vec![false; before.inventory.endpoints.len()];
    for &position in same.iter().flatten() {
        *is_kept.get_mut(position as usize)? = true;
    }
    let gone = is_kept.iter().zip(&before.inventory.endpoints);
    let gone: Vec<&Arc<Endpoint>> = gone
        .filter(|(kept, _)| !**kept)
        .map(|(_, one)| one)
        .collect();
    let came = same.iter().zip(&inventory.endpoints);
    let came: Vec<&Arc<Endpoint>> = came
        .filter(|(same, _)| same.is_none())
        .map(|(_, one)| one)
        .collect();
    if (gone.len() + came.len()) * FEW > inventory.endpoints.len() {
        return None;
    }
    let names_of = |all: &[&Arc<Endpoint>]| -> BTreeSet<String> {
        all.iter().map(|one| one.full_name()).collect()
    };
    let (gone_names, came_names) = (names_of(&gone), names_of(&came));
    let mut names = Arc::clone(&tables.names);
    let mut gone_ids = BTreeSet::new();
    for name in &gone_names {
        let id = tables.names.natural(PeerRole::Endpoint, name)?;
        gone_ids.insert(id);
        if !came_names.contains(name) {
            Arc::make_mut(&mut names).remove(id);
        }
    }
    for name in came_names.difference(&gone_names) {
        Arc::make_mut(&mut names).add_natural(PeerRole::Endpoint, name)?;
    }

    let prefixes = prefixes(model, &tables.placement);
    let mut rows = Rows::new(
        model,
        &tables.placement,
        &prefixes,
        Some(&tables.signatures),
    );
    let mut port_names = PortNames::asked_for(&tables.placement);
    let mut new = BTreeMap::new();
    for endpoint in &came {
        let id = names.natural(PeerRole::Endpoint, &endpoint.full_name())?;
        let flags = flags(&Party::Endpoint(endpoint), model, inventory);
        for &address in &endpoint.addresses {
            let peer = Peer {
                id,
                row: rows.row(&inventory.facts(endpoint, Some(address))),
                flags,
                ifindex: 0,
            };
            new.insert(address_bytes(address), peer);
        }
        port_names.add(id, &endpoint.ports);
    }
    // An address of nobody may have been an API server's, and may be again.
    let gone_addresses: BTreeSet<Address> = gone
        .iter()
        .flat_map(|one| one.addresses.iter().copied().map(address_bytes))
        .collect();
    let servers = &inventory.addresses_of.kube_apiserver;
    let mut servers = servers.iter().copied().map(address_bytes);
    if servers.any(|server| gone_addresses.contains(&server) || new.contains_key(&server)) {
        return None;
    }
    let addresses = merge(
        &tables.addresses,
        |address| gone_addresses.contains(address),
        new,
    );
    let port_names = port_names.finish().into_iter().collect();
    let port_names = merge(
        &tables.port_names,
        |key| gone_ids.contains(&key.receiver),
        port_names,
    );
    let all = addresses.iter().map(|(_, peer)| peer.row);
    rows.are_used(all.chain(tables.prefixes.iter().map(|(_, peer)| peer.row)));

    let positions: BTreeMap<u32, &LocalEndpoint> = tables
        .slots
        .keys()
        .copied()
        .zip(&tables.endpoints)
        .collect();
    let mut endpoints = Vec::with_capacity(slots.len());
    for (position, &slots) in slots {
        let endpoint = inventory.endpoints.get(*position as usize)?;
        let known = (*same.get(*position as usize)?).and_then(|one| positions.get(&one));
        endpoints.push(match known {
            Some(&known) => LocalEndpoint {
                ingress_slot: slots.ingress,
                egress_slot: slots.egress,
                ..known.clone()
            },
            None => {
                let id = names.natural(PeerRole::Endpoint, &endpoint.full_name())?;
                LocalEndpoint::new(endpoint, id, slots)
            }
        });
    }
    Some(NodeTables {
        signatures: rows.finish(),
        classes: classes.to_vec(),
        placement: tables.placement.clone(),
        endpoints,
        node,
        addresses,
        prefixes: tables.prefixes.clone(),
        port_names,
        names,
        slots: slots.clone(),
    })
}

/// Entries in order of key, without those that have gone, and with new ones.
fn merge<K: Copy + Ord, V: Copy>(
    before: &[(K, V)],
    has_gone: impl Fn(&K) -> bool,
    new: BTreeMap<K, V>,
) -> Vec<(K, V)> {
    let mut merged = Vec::with_capacity(before.len() + new.len());
    let mut new = new.into_iter().peekable();
    for &(key, value) in before {
        while let Some(entry) = new.next_if(|(one, _)| *one <= key) {
            merged.push(entry);
        }
        // What is new takes the place of what was there.
        if !has_gone(&key) && merged.last().is_none_or(|(last, _)| *last != key) {
            merged.push((key, value));
        }
    }
    merged.extend(new);
    merged
}
