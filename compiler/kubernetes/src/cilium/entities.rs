//! Entities: peers that have a name of their own.

use ipnet::IpNet;
use polc_model::{Entity, SelectorExpr, sets};

use crate::{labels::one_of, located::Node, reader::text, report::Report};

const NAMES: [&str; 13] = [
    "all",
    "world",
    "world-ipv4",
    "world-ipv6",
    "cluster",
    "host",
    "remote-node",
    "kube-apiserver",
    "health",
    "ingress",
    "init",
    "unmanaged",
    "none",
];

/// Reads the name of an entity.
pub(super) fn read(node: &Node, what: &str, report: &mut Report) -> Option<SelectorExpr> {
    let name = text(node, what, report)?;
    let entity = entity(name);
    if entity.is_none() {
        one_of(name, node.span, "entity", &NAMES, report);
    }
    entity
}

/// The entity of this name.
pub(super) fn entity(name: &str) -> Option<SelectorExpr> {
    Some(SelectorExpr::Entity(match name {
        "all" => Entity::All,
        "world" => Entity::World,
        "world-ipv4" => return Some(world(IpNet::V4(ipnet::Ipv4Net::default()))),
        "world-ipv6" => return Some(world(IpNet::V6(ipnet::Ipv6Net::default()))),
        "cluster" => Entity::Cluster,
        "host" => Entity::Host,
        "remote-node" => Entity::RemoteNode,
        "kube-apiserver" => Entity::KubeApiserver,
        "health" => Entity::Health,
        "ingress" => Entity::Ingress,
        "init" => Entity::Init,
        "unmanaged" => Entity::Unmanaged,
        "none" => Entity::None,
        _ => return None,
    }))
}

/// What is not of the cluster and has addresses of a family, all of which are in `family`.
fn world(family: IpNet) -> SelectorExpr {
    let world = SelectorExpr::Entity(Entity::World);
    sets::intersection([world, SelectorExpr::Cidr(family)])
}
