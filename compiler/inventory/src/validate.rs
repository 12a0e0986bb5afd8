//! What must hold of an inventory before anything is made of it.
//!
//! All of it is checked anew for each: sorted, because there may be a hundred thousand addresses.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use polc_abi::node::ENDPOINT_ADDRESSES;

use crate::{Endpoint, Inventory, InventoryError, Place};

/// The longest name of an interface that the kernel takes.
const INTERFACE_NAME_LENGTH: usize = 15;

/// Whoever has something that is nobody else's.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Node(&'a str),
    Uplink(&'a str),
    Endpoint(&'a Endpoint),
    Entity(&'static str),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(name) => write!(f, "node `{name}`"),
            Self::Uplink(name) => write!(f, "an uplink of node `{name}`"),
            Self::Endpoint(endpoint) => write!(f, "endpoint `{}`", endpoint.full_name()),
            Self::Entity(name) => write!(f, "`{name}`"),
        }
    }
}

/// How many endpoints may be new to be checked by themselves.
const FEW: usize = 256;

/// Checks what is new since an inventory that is valid.
pub(crate) fn validate_after(
    before: &Inventory,
    inventory: &Inventory,
    same: &[Option<u32>],
) -> Result<(), InventoryError> {
    let is_same = before.node == inventory.node
        && before.remote_nodes == inventory.remote_nodes
        && before.addresses_of == inventory.addresses_of;
    let new = same.iter().filter(|same| same.is_none()).count();
    if !is_same || new > FEW || !may_be_together(inventory, same) {
        // Which says what is wrong, if anything is.
        return validate(inventory);
    }
    Ok(())
}

/// Whether new endpoints are fine by themselves and have nothing that somebody else has. The others are
/// known to be.
fn may_be_together(inventory: &Inventory, same: &[Option<u32>]) -> bool {
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let mut interfaces = BTreeSet::new();
    let all = inventory.endpoints.iter().zip(same);
    for endpoint in all
        .clone()
        .filter(|(_, same)| same.is_none())
        .map(|(one, _)| one)
    {
        let place = inventory.place(endpoint);
        let mut own = Vec::new();
        let is_fine = check_endpoint(endpoint, place).is_ok()
            && claim(&mut own, &endpoint.addresses, Owner::Endpoint(endpoint)).is_ok()
            && own
                .into_iter()
                .all(|(address, _)| addresses.insert(address))
            && names.insert((&endpoint.name, &endpoint.namespace))
            && match place {
                Place::Interface(name) => {
                    check_interface(name, Owner::Endpoint(endpoint)).is_ok()
                        && interfaces.insert(name)
                }
                Place::Elsewhere | Place::Routed => true,
            };
        if !is_fine {
            return false;
        }
    }
    let mut others = all
        .filter(|(_, same)| same.is_some())
        .map(|(one, _)| &**one);
    let node = &inventory.node;
    let remote = inventory.remote_nodes.iter().flat_map(|one| &one.addresses);
    let entities = inventory.addresses_of.others().flat_map(|(.., all)| all);
    let mut taken = node.addresses.iter().chain(remote).chain(entities);
    !taken.any(|address| addresses.contains(address))
        && !node
            .uplinks
            .iter()
            .any(|name| interfaces.contains(name.as_str()))
        && !others.any(|one| {
            let has = |name: &String| interfaces.contains(name.as_str());
            one.addresses
                .iter()
                .any(|address| addresses.contains(address))
                || names.contains(&(&one.name, &one.namespace))
                || (!interfaces.is_empty() && one.interface.as_ref().is_some_and(has))
        })
}

pub(crate) fn validate(inventory: &Inventory) -> Result<(), InventoryError> {
    let node = &inventory.node;
    let mut addresses = Vec::with_capacity(inventory.endpoints.len());
    let mut interfaces = Vec::new();
    let mut claim = |own: &[IpAddr], owner| claim(&mut addresses, own, owner);

    claim(&node.addresses, Owner::Node(&node.name))?;
    for uplink in &node.uplinks {
        let owner = Owner::Uplink(&node.name);
        check_interface(uplink, owner)?;
        interfaces.push((uplink.as_str(), owner));
    }
    for endpoint in &inventory.endpoints {
        let owner = Owner::Endpoint(endpoint);
        let place = inventory.place(endpoint);
        check_endpoint(endpoint, place)?;
        claim(&endpoint.addresses, owner)?;
        if let Place::Interface(name) = place {
            check_interface(name, owner)?;
            interfaces.push((name, owner));
        }
    }
    for remote in &inventory.remote_nodes {
        claim(&remote.addresses, Owner::Node(&remote.name))?;
    }
    for (_, entity, own) in inventory.addresses_of.others() {
        claim(own, Owner::Entity(entity))?;
    }
    let one_owner = |what: &str, one: &Owner<'_>, other: &Owner<'_>| {
        error(format!("{what} belongs to {one} and to {other}"))
    };
    if let Some((name, one, other)) = shared(&mut interfaces) {
        return Err(one_owner(&format!("interface `{name}`"), &one, &other));
    }
    let endpoints = inventory.endpoints.iter();
    let mut names: Vec<(Option<&str>, &str)> = endpoints.map(|one| one.key()).collect();
    names.sort_unstable();
    let mut pairs = names.windows(2);
    if let Some([(namespace, name), _]) = pairs.find(|pair| pair.first() == pair.last()) {
        let slash = namespace.map(|namespace| format!("{namespace}/"));
        let slash = slash.unwrap_or_default();
        return Err(error(format!("endpoint `{slash}{name}` occurs twice")));
    }
    if let Some((address, one, other)) = shared(&mut addresses) {
        return Err(one_owner(&format!("`{address}`"), &one, &other));
    }
    // Servers may be at addresses of others, but only once at each.
    let mut servers = Vec::new();
    let entity = Owner::Entity("kube_apiserver");
    self::claim(&mut servers, &inventory.addresses_of.kube_apiserver, entity)?;
    match shared(&mut servers) {
        Some((address, one, other)) => Err(one_owner(&format!("`{address}`"), &one, &other)),
        None => Ok(()),
    }
}

/// The first thing that two have, and the two in the order in which they were.
fn shared<'a, K: Ord + Copy>(
    owners: &mut Vec<(K, Owner<'a>)>,
) -> Option<(K, Owner<'a>, Owner<'a>)> {
    owners.sort_by_key(|(key, _)| *key);
    let mut pairs = owners.windows(2);
    pairs.find_map(|pair| match pair {
        [(one, first), (other, second)] if one == other => Some((*one, *first, *second)),
        _ => None,
    })
}

fn check_endpoint(endpoint: &Endpoint, place: Place<'_>) -> Result<(), InventoryError> {
    let who = Owner::Endpoint(endpoint);
    if endpoint.init && !endpoint.labels.is_empty() {
        return Err(error(format!(
            "{who} is in `init` and has labels; once they are known, leave out `init`"
        )));
    }
    if endpoint.addresses.is_empty() {
        return Err(error(format!("{who} has no address; give it at least one")));
    }
    if place != Place::Elsewhere && endpoint.addresses.len() > ENDPOINT_ADDRESSES {
        return Err(error(format!(
            "{who} has {} addresses; an endpoint on this node may have {ENDPOINT_ADDRESSES}",
            endpoint.addresses.len()
        )));
    }
    Ok(())
}

fn claim<'a>(
    owners: &mut Vec<(IpAddr, Owner<'a>)>,
    addresses: &[IpAddr],
    owner: Owner<'a>,
) -> Result<(), InventoryError> {
    for &address in addresses {
        if address.is_unspecified() || address.is_multicast() || is_mapped(address) {
            return Err(error(format!(
                "{owner} cannot have the address `{address}`"
            )));
        }
        owners.push((address, owner));
    }
    Ok(())
}

/// IPv4 in IPv6 clothes: tables use that form for IPv4 itself.
fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn check_interface(name: &str, owner: Owner<'_>) -> Result<(), InventoryError> {
    let is_usable = !name.is_empty()
        && name.len() <= INTERFACE_NAME_LENGTH
        && !name.contains(|c: char| c == '/' || c.is_whitespace() || c == '\0');
    if is_usable {
        return Ok(());
    }
    Err(error(format!(
        "{owner} names the interface `{name}`; a name has 1 to {INTERFACE_NAME_LENGTH} \
         characters, no slash and no white space"
    )))
}

const fn error(message: String) -> InventoryError {
    InventoryError::of_the_whole(message)
}
