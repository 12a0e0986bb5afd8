//! The endpoints on this node.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use polc_model::{Direction, Enforcement, Isolation, Labels, Model, Phase, Tier};
use polc_plan::ClassKey;
use polc_tables::address_of;
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;

/// An endpoint on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its number in what is in force; another inventory may give it another.
    pub id: u32,
    /// Full name.
    pub name: String,
    /// Whether it is the node itself, which is listed where policies apply to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host: bool,
    /// Whether its labels are not known yet.
    pub init: bool,
    /// Its labels.
    pub labels: Labels,
    /// The node's end of its link, `None` while it is not known; of the node, its uplinks.
    pub interface: Option<String>,
    /// The interface's index; `None` while there is no such interface.
    pub ifindex: Option<u32>,
    /// Its addresses: an endpoint may send from no others.
    pub addresses: Vec<IpAddr>,
    /// Who judges what comes to it.
    pub ingress: Class,
    /// Who judges what it sends.
    pub egress: Class,
}

/// Who judges an endpoint's packets in one direction. Endpoints of equal classes share a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Whether what no rule allows is denied.
    pub isolated: bool,
    /// The policies that count.
    pub policies: Vec<String>,
    /// The policies that only report.
    pub audited: Vec<String>,
}

impl Class {
    /// The class with a key.
    #[must_use]
    pub fn of(model: &Model, key: &ClassKey) -> Self {
        let all = || key.policies.iter().filter_map(|&id| model.policy(id));
        let names = |enforcement| {
            all()
                .filter(|policy| policy.enforcement == enforcement)
                .map(|policy| policy.name.clone())
                .collect()
        };
        let by_policy = all().any(|policy| {
            policy.tier == Tier::Normal
                && policy.enforcement == Enforcement::Enforce
                && policy.covers(key.direction) == Some(Isolation::Isolates)
        });
        Self {
            isolated: by_policy || key.phase == Phase::Init,
            policies: names(Enforcement::Enforce),
            audited: names(Enforcement::Audit),
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.isolated { "isolated" } else { "open" })?;
        let audited = self.audited.iter().map(|name| format!("{name} (audit)"));
        let names: Vec<String> = self.policies.iter().cloned().chain(audited).collect();
        if !names.is_empty() {
            write!(f, ": {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// The node where policies apply to it, and the endpoints on it, in order of the inventory.
#[must_use]
pub fn collect(candidate: &Candidate) -> Vec<Endpoint> {
    let model = &candidate.meaning.model;
    let class = |slot: u32, direction| {
        let found = candidate.tables.classes.get(slot as usize);
        found
            .filter(|class| class.key.direction == direction)
            .map_or_else(Class::default, |class| Class::of(model, &class.key))
    };
    let ifindex: BTreeMap<u32, u32> = candidate
        .endpoints
        .iter()
        .map(|(&ifindex, endpoint)| (endpoint.id, ifindex))
        .collect();
    let listed: BTreeMap<String, &Arc<polc_inventory::Endpoint>> = candidate
        .meaning
        .inventory
        .endpoints
        .iter()
        .map(|endpoint| (endpoint.full_name(), endpoint))
        .collect();
    let node = candidate.tables.node.map(|governed| {
        let node = &candidate.meaning.inventory.node;
        Endpoint {
            id: governed.id,
            name: node.name.clone(),
            host: true,
            init: false,
            labels: Labels::new(),
            interface: Some(node.uplinks.join(", ")),
            ifindex: None,
            addresses: node.addresses.clone(),
            ingress: class(governed.ingress_slot, Direction::Ingress),
            egress: class(governed.egress_slot, Direction::Egress),
        }
    });
    let endpoints = candidate.local_endpoints();
    node.into_iter()
        .chain(endpoints.map(|(local, interface)| {
            let listed = listed.get(&local.name);
            Endpoint {
                id: local.id,
                name: local.name.clone(),
                host: false,
                init: listed.is_some_and(|one| one.init),
                labels: listed.map(|one| (*one.labels).clone()).unwrap_or_default(),
                interface: interface.map(str::to_owned),
                ifindex: ifindex.get(&local.id).copied(),
                addresses: local.addresses.iter().copied().map(address_of).collect(),
                ingress: class(local.ingress_slot, Direction::Ingress),
                egress: class(local.egress_slot, Direction::Egress),
            }
        }))
        .collect()
}
