//! `Node`: this one, or another. Which, whoever puts the parts together says.
//!
//! The address that pods have for their node, inside its `podCIDR`, is the network plugin's and stands
//! nowhere in the object; nor do the interfaces that lead out.

use std::net::IpAddr;

use serde::Deserialize;

use super::metadata::{Metadata, or_nothing};
use crate::{InventoryError, Part, RemoteNode};

#[derive(Deserialize)]
pub(super) struct Node {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_nothing")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "or_nothing")]
    addresses: Vec<Address>,
}

/// Of type `Hostname`, `InternalDNS`, `InternalIP` and others. Only some are addresses.
#[derive(Deserialize)]
struct Address {
    r#type: String,
    address: String,
}

pub(super) fn read(node: Node, part: &mut Part) -> Result<(), InventoryError> {
    let name = node.metadata.name;
    let internal = node.status.addresses.into_iter();
    let internal = internal.filter(|one| one.r#type == "InternalIP");
    let addresses = internal.map(|one| {
        one.address.parse::<IpAddr>().map_err(|_| {
            InventoryError::of_the_whole(format!(
                "Node `{name}`: `status.addresses`: `{}` is not an IP address",
                one.address
            ))
        })
    });
    let addresses = addresses.collect::<Result<_, _>>()?;
    part.cluster_nodes.push(RemoteNode {
        name,
        addresses,
        labels: node.metadata.labels,
    });
    Ok(())
}
