//! What to send: every check of the package's tests, in each address family that both ends have.

use std::net::IpAddr;

use polc_inventory::Inventory;
use polc_model::{
    Check, Entity, Expectation, IcmpFamily, L4Packet, Model, Party, PortProtocol, Test,
    TestEndpoint,
};
use polc_testbed::Probe;

use crate::run::{Result, error};

/// One thing to try, and what must come of it.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// The test's name.
    pub(crate) test: String,
    /// Where the check is written.
    pub(crate) place: String,
    pub(crate) source: End,
    pub(crate) destination: End,
    pub(crate) probe: Probe,
    pub(crate) l4: L4Packet,
    /// Whether it must get through.
    pub(crate) allowed: bool,
    /// The policy that must decide.
    pub(crate) by: Option<String>,
}

/// One end of a trial.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) site: Site,
    pub(crate) address: IpAddr,
}

/// Where an end is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Site {
    /// The pod of this endpoint, by full name.
    Pod(String),
    /// The host outside.
    Outside,
    /// The node.
    Node,
}

/// Ports on which the demo's servers speak HTTP.
const HTTP_PORTS: [std::ops::RangeInclusive<u16>; 2] = [80..=80, 8000..=9999];

/// Every check, in each family.
pub(crate) fn of_package(model: &Model, inventory: &Inventory) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for test in &model.tests {
        for check in &test.checks {
            let place = model.place(&check.origin);
            let (sources, destinations) = (
                ends(inventory, test, check.source)?,
                ends(inventory, test, check.destination)?,
            );
            let before = trials.len();
            for source in &sources {
                let same_family = |end: &&End| end.address.is_ipv4() == source.address.is_ipv4();
                for destination in destinations.iter().filter(same_family) {
                    trials.extend(trial(model, test, check, source, destination)?);
                }
            }
            if trials.len() == before {
                return error(format!("{place}: the two ends share no address family"));
            }
        }
    }
    Ok(trials)
}

/// `None` for an ICMP check in the other family.
fn trial(
    model: &Model,
    test: &Test,
    check: &Check,
    source: &End,
    destination: &End,
) -> Result<Option<Trial>> {
    let is_v4 = source.address.is_ipv4();
    let place = model.place(&check.origin);
    let probe = match check.l4 {
        L4Packet::Port(PortProtocol::Tcp, port)
            if HTTP_PORTS.iter().any(|ports| ports.contains(&port)) =>
        {
            Probe::Http(port)
        }
        L4Packet::Port(PortProtocol::Tcp, port) => Probe::Tcp(port),
        L4Packet::Port(PortProtocol::Udp, port) => Probe::Udp(port),
        L4Packet::Icmp(family, kind, code) => {
            if is_v4 != (family == IcmpFamily::V4) {
                return Ok(None);
            }
            Probe::Icmp { kind, code }
        }
        other => return error(format!("{place}: the demo cannot send {other}")),
    };
    let (allowed, by) = match check.expected {
        Expectation::Allowed { by } => (true, by),
        Expectation::Denied { by } => (false, by),
    };
    Ok(Some(Trial {
        test: test.name.clone(),
        place,
        source: source.clone(),
        destination: destination.clone(),
        probe,
        l4: check.l4,
        allowed,
        by: by
            .and_then(|id| model.policy(id))
            .map(|policy| policy.name.clone()),
    }))
}

/// A party's addresses.
fn ends(inventory: &Inventory, test: &Test, party: Party) -> Result<Vec<End>> {
    let at = |site: Site, addresses: &[IpAddr]| {
        addresses
            .iter()
            .map(|&address| End {
                site: site.clone(),
                address,
            })
            .collect()
    };
    match party {
        Party::Address(address) => Ok(at(Site::Outside, &[address])),
        Party::Name(_) => error(format!(
            "test `{}` sends to a DNS name, which the demo has no server for",
            test.name
        )),
        Party::Host => Ok(at(Site::Node, &inventory.node.addresses)),
        // They are behind the uplink, as other nodes are.
        Party::Entity(entity) => Ok(at(Site::Outside, of_entity(inventory, entity))),
        Party::Endpoint(index) => {
            let Some(wanted) = test.endpoints.get(index) else {
                return error(format!("test `{}` uses an unknown endpoint", test.name));
            };
            let endpoint = find(inventory, wanted)?;
            let site = if endpoint.interface.is_some() {
                Site::Pod(endpoint.full_name())
            } else {
                // It lives on another node, which is behind the uplink.
                Site::Outside
            };
            Ok(at(site, &endpoint.addresses))
        }
    }
}

/// The addresses of a party of which a test says no more.
fn of_entity(inventory: &Inventory, entity: Entity) -> &[IpAddr] {
    let of = &inventory.addresses_of;
    match entity {
        Entity::KubeApiserver => &of.kube_apiserver,
        Entity::Health => &of.health,
        Entity::Ingress => &of.ingress,
        Entity::Unmanaged => &of.unmanaged,
        Entity::RemoteNode => inventory
            .remote_nodes
            .first()
            .map_or(&[], |node| &node.addresses),
        _ => &[],
    }
}

/// The endpoint of the inventory that a test's endpoint stands for: `web_1` is `web-1`, with the
/// same labels in the same namespace.
fn find<'a>(
    inventory: &'a Inventory,
    wanted: &TestEndpoint,
) -> Result<&'a polc_inventory::Endpoint> {
    let name = wanted.name.replace('_', "-");
    let mut endpoints = inventory.endpoints.iter().map(|endpoint| &**endpoint);
    let found = endpoints.find(|endpoint| {
        endpoint.name == name
            && endpoint.phase() == wanted.phase
            && *endpoint.labels == wanted.labels
            && endpoint.namespace == wanted.namespace
    });
    found.map_or_else(
        || {
            error(format!(
                "the inventory has no endpoint `{name}` with the labels and the namespace that \
                 the tests give it"
            ))
        },
        Ok,
    )
}
