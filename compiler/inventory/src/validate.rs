//! What must hold of an inventory before anything is made of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use polc_abi::node::ENDPOINT_ADDRESSES;

use crate::{Endpoint, Inventory, InventoryError};

/// The longest name of an interface that the kernel takes.
const INTERFACE_NAME_LENGTH: usize = 15;

pub(crate) fn validate(inventory: &Inventory) -> Result<(), InventoryError> {
    let mut names = BTreeSet::new();
    let mut interfaces: BTreeMap<&str, String> = BTreeMap::new();
    let mut addresses: BTreeMap<IpAddr, String> = BTreeMap::new();

    let node = format!("node `{}`", inventory.node.name);
    claim(&mut addresses, &inventory.node.addresses, &node)?;
    for uplink in &inventory.node.uplinks {
        interface(&mut interfaces, uplink, format!("an uplink of {node}"))?;
    }
    for endpoint in &inventory.endpoints {
        let name = endpoint.full_name();
        if !names.insert(name.clone()) {
            return Err(error(format!("endpoint `{name}` occurs twice")));
        }
        let who = format!("endpoint `{name}`");
        if endpoint.init && !endpoint.labels.is_empty() {
            return Err(error(format!(
                "{who} is in `init` and has labels; once they are known, leave out `init`"
            )));
        }
        validate_addresses(endpoint, &who)?;
        claim(&mut addresses, &endpoint.addresses, &who)?;
        if let Some(name) = &endpoint.interface {
            interface(&mut interfaces, name, who)?;
        }
    }
    for remote in &inventory.remote_nodes {
        claim(
            &mut addresses,
            &remote.addresses,
            &format!("node `{}`", remote.name),
        )?;
    }
    for (_, entity, own) in inventory.addresses_of.others() {
        claim(&mut addresses, own, &format!("`{entity}`"))?;
    }
    // Servers may be at addresses of others, but only once at each.
    claim(
        &mut BTreeMap::new(),
        &inventory.addresses_of.kube_apiserver,
        "`kube_apiserver`",
    )
}

fn validate_addresses(endpoint: &Endpoint, who: &str) -> Result<(), InventoryError> {
    if endpoint.addresses.is_empty() {
        return Err(error(format!("{who} has no address; give it at least one")));
    }
    if endpoint.interface.is_some() && endpoint.addresses.len() > ENDPOINT_ADDRESSES {
        return Err(error(format!(
            "{who} has {} addresses; an endpoint on this node may have {ENDPOINT_ADDRESSES}",
            endpoint.addresses.len()
        )));
    }
    Ok(())
}

fn claim(
    owners: &mut BTreeMap<IpAddr, String>,
    addresses: &[IpAddr],
    who: &str,
) -> Result<(), InventoryError> {
    for &address in addresses {
        if address.is_unspecified() || address.is_multicast() || is_mapped(address) {
            return Err(error(format!("{who} cannot have the address `{address}`")));
        }
        if let Some(owner) = owners.insert(address, who.to_owned()) {
            return Err(error(format!(
                "`{address}` belongs to {owner} and to {who}"
            )));
        }
    }
    Ok(())
}

/// IPv4 in IPv6 clothes: tables use that form for IPv4 itself.
fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn interface<'a>(
    owners: &mut BTreeMap<&'a str, String>,
    name: &'a str,
    who: String,
) -> Result<(), InventoryError> {
    let usable = !name.is_empty()
        && name.len() <= INTERFACE_NAME_LENGTH
        && !name.contains(|c: char| c == '/' || c.is_whitespace() || c == '\0');
    if !usable {
        return Err(error(format!(
            "{who} names the interface `{name}`; a name has 1 to {INTERFACE_NAME_LENGTH} \
             characters, no slash and no white space"
        )));
    }
    match owners.insert(name, who.clone()) {
        Some(owner) => Err(error(format!(
            "interface `{name}` belongs to {owner} and to {who}"
        ))),
        None => Ok(()),
    }
}

fn error(message: String) -> InventoryError {
    InventoryError {
        message,
        location: None,
    }
}
