//! What policies refer to: services, and groups of blocks. They may stand in any file of a package.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use polc_model::{LabelOperator, Labels};

use crate::{
    labels::Conditions,
    located::{self, Node, Value},
};

/// What the files of a package define. Of two of one name, those of all count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    services: BTreeMap<(String, String), Service>,
    cidr_groups: BTreeMap<String, CidrGroup>,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Whether there is a Service, or only addresses for one.
    is_declared: bool,
    pub(crate) labels: Labels,
    /// The labels of its endpoints. None: it has addresses instead.
    pub(crate) selector: Labels,
    /// Where those addresses are written: Endpoints and EndpointSlices.
    pub(crate) addresses: BTreeSet<IpAddr>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct CidrGroup {
    labels: Labels,
    blocks: BTreeSet<IpNet>,
}

/// Reads what a file defines. What is wrong with it, [`crate::read`] says.
#[must_use]
pub fn definitions(text: &str) -> Definitions {
    let mut definitions = Definitions::default();
    if defines(text) {
        let (documents, _) = located::documents(text);
        for document in &documents {
            definitions.object(document, MAX_LISTS);
        }
    }
    definitions
}

/// Whether a text mentions a kind of object that policies can refer to.
#[must_use]
pub fn defines(text: &str) -> bool {
    let kinds = ["Service", "Endpoint", "CiliumCIDRGroup"];
    kinds.iter().any(|kind| text.contains(kind))
}

/// Whether a file's policies may refer to definitions.
#[must_use]
pub fn refers(text: &str) -> bool {
    text.contains("toServices") || text.contains("cidrGroup")
}

/// Lists in lists; nobody writes more.
const MAX_LISTS: usize = 8;
const DEFAULT_NAMESPACE: &str = "default";
/// The label of an EndpointSlice that names its service.
const SLICE_OF: &str = "kubernetes.io/service-name";

impl Definitions {
    /// Adds what another file defines.
    pub fn merge(&mut self, other: &Self) {
        for (key, service) in &other.services {
            let known = self.services.entry(key.clone()).or_insert_with(|| Service {
                namespace: service.namespace.clone(),
                name: service.name.clone(),
                ..Service::default()
            });
            known.is_declared |= service.is_declared;
            known.labels.extend(service.labels.clone());
            known.selector.extend(service.selector.clone());
            known.addresses.extend(&service.addresses);
        }
        for (name, group) in &other.cidr_groups {
            let known = self.cidr_groups.entry(name.clone()).or_default();
            known.labels.extend(group.labels.clone());
            known.blocks.extend(&group.blocks);
        }
    }

    /// The services of a namespace, or of all.
    pub(crate) fn services(&self, namespace: Option<&str>) -> impl Iterator<Item = &Service> {
        let services = self.services.values().filter(|service| service.is_declared);
        services.filter(move |service| namespace.is_none_or(|name| service.namespace == name))
    }

    /// The blocks of a group.
    pub(crate) fn cidr_group(&self, name: &str) -> Option<&BTreeSet<IpNet>> {
        self.cidr_groups.get(name).map(|group| &group.blocks)
    }

    /// The blocks of the groups that have these labels.
    pub(crate) fn cidr_groups(&self, conditions: &Conditions) -> Vec<&BTreeSet<IpNet>> {
        let passes = |group: &&CidrGroup| {
            let passes =
                |(key, operator): &(String, LabelOperator)| operator.matches(group.labels.get(key));
            conditions.iter().all(passes)
        };
        let found = self.cidr_groups.values().filter(passes);
        found.map(|group| &group.blocks).collect()
    }

    fn object(&mut self, node: &Node, lists: usize) {
        let word = |name: &str| node.get(name).and_then(Node::text).unwrap_or_default();
        let (version, kind) = (word("apiVersion"), word("kind"));
        if kind.ends_with("List") {
            for item in node.get("items").map(items).unwrap_or_default() {
                if lists > 0 {
                    self.object(item, lists - 1);
                }
            }
            return;
        }
        let Some(metadata) = node.get("metadata") else {
            return;
        };
        let of_metadata = |name: &str| metadata.get(name).and_then(Node::text);
        let name = of_metadata("name").unwrap_or_default();
        let namespace = of_metadata("namespace").filter(|name| !name.is_empty());
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        let own_labels = metadata.get("labels").map(labels).unwrap_or_default();
        match (version, kind) {
            ("v1", "Service") => {
                let selector = node.get("spec").and_then(|spec| spec.get("selector"));
                let service = self.service(namespace, name);
                service.is_declared = true;
                service.labels.extend(own_labels);
                service
                    .selector
                    .extend(selector.map(labels).unwrap_or_default());
            }
            ("v1", "Endpoints") => {
                let subsets = node.get("subsets").map(items).unwrap_or_default();
                let addresses = subsets.iter().filter_map(|subset| subset.get("addresses"));
                let addresses = addresses.flat_map(items);
                let found = addresses.filter_map(|address| parsed::<IpAddr>(address.get("ip")?));
                self.service(namespace, name).addresses.extend(found);
            }
            (version, "EndpointSlice") if version.starts_with("discovery.k8s.io/") => {
                let Some(of) = own_labels.get(SLICE_OF) else {
                    return;
                };
                let endpoints = node.get("endpoints").map(items).unwrap_or_default();
                let addresses = endpoints.iter().filter_map(|one| one.get("addresses"));
                let found = addresses.flat_map(items).filter_map(parsed::<IpAddr>);
                self.service(namespace, of).addresses.extend(found);
            }
            (version, "CiliumCIDRGroup") if version.starts_with("cilium.io/") => {
                let blocks = node.get("spec").and_then(|spec| spec.get("externalCIDRs"));
                let blocks = blocks.map(items).unwrap_or_default();
                let group = self.cidr_groups.entry(name.to_owned()).or_default();
                group.labels.extend(own_labels);
                let blocks = blocks.iter().filter_map(parsed::<IpNet>);
                group.blocks.extend(blocks.map(|block| block.trunc()));
            }
            _ => {}
        }
    }

    fn service(&mut self, namespace: &str, name: &str) -> &mut Service {
        let key = (namespace.to_owned(), name.to_owned());
        self.services.entry(key).or_insert_with(|| Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Service::default()
        })
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Sequence(items) => items,
        _ => &[],
    }
}

fn labels(node: &Node) -> Labels {
    let entries = node.entries().unwrap_or_default();
    let pairs = entries.into_iter().filter_map(|(key, value)| {
        let value = if value.is_null() { "" } else { value.text()? };
        Some((key.text()?.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

fn parsed<T: std::str::FromStr>(node: &Node) -> Option<T> {
    node.text()?.parse().ok()
}
