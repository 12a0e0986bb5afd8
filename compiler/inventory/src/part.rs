//! An inventory in several texts, each a part of it: for whoever writes a file for each pod.

use std::{collections::BTreeMap, sync::Arc};

use polc_model::Labels;
use serde::{Deserialize, de::DeserializeOwned};
use serde_yaml::Value;

use crate::{
    AddressesOf, Endpoint, Inventory, InventoryError, NAMESPACE_NAME_LABEL, Node, RemoteNode,
    kubernetes, located, validate,
};

/// How the names of parts end.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Whether a file of an inventory's directory is a part, by its name. Hidden ones are not: editors and
/// orchestrators write them before they give them their names.
#[must_use]
pub fn is_part(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    !name.starts_with('.') && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

/// A part of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a mapping with `endpoints`, `node` and the like"
)]
pub struct Part {
    /// The node, which one of the parts says.
    pub node: Option<Node>,
    /// Some of the endpoints.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The labels of some of the namespaces.
    pub namespaces: BTreeMap<String, Labels>,
    /// Some of the other nodes.
    pub remote_nodes: Vec<RemoteNode>,
    /// Some of who else runs in the cluster.
    pub addresses_of: AddressesOf,
    /// Nodes of the cluster, of which one may be this one.
    #[serde(skip)]
    pub cluster_nodes: Vec<RemoteNode>,
    /// What is described and is no endpoint, now or ever.
    #[serde(skip)]
    pub without_endpoint: Vec<WithoutEndpoint>,
}

/// Something that runs somewhere and is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutEndpoint {
    /// Full name.
    pub name: String,
    /// Why, as what follows "because".
    pub why: &'static str,
}

/// Which node is meant, where parts are for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThisNode {
    /// The one that a part says is `node`.
    AsSaid,
    /// The one of this name, unless a part says otherwise.
    Assumed(String),
    /// The one of this name.
    Named(String),
    /// Whichever: only who there is counts. Without a part that says `node`, it has no name.
    Any,
}

impl Part {
    /// Reads YAML or JSON, of one or several documents, each of which is a part of an inventory in our
    /// own words, or a Pod, Namespace, Node or List of Kubernetes. An empty text is an empty part.
    ///
    /// # Errors
    /// Text that is nothing of it.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let mut whole = Self::default();
        // Only objects of Kubernetes have this word as a key; and without them, errors know their place.
        let has_objects = text.contains("apiVersion") || text.contains("kind");
        if !has_objects {
            for part in documents::<Option<Self>>(text)? {
                whole.extend(part.unwrap_or_default())?;
            }
            return Ok(whole);
        }
        for document in documents::<Value>(text)? {
            if kubernetes::is_object(&document) {
                kubernetes::read(document, &mut whole)?;
            } else {
                let part: Option<Self> =
                    serde_yaml::from_value(document.clone()).or_else(|error| {
                        // Once more with its place, where it is the only document.
                        serde_yaml::from_str(text).map_err(|placed| {
                            if placed.location().is_some() {
                                located(placed)
                            } else {
                                located(error)
                            }
                        })
                    })?;
                whole.extend(part.unwrap_or_default())?;
            }
        }
        Ok(whole)
    }

    /// Adds another part.
    fn extend(&mut self, other: Self) -> Result<(), InventoryError> {
        if let Some(node) = other.node
            && self.node.replace(node).is_some()
        {
            return Err(InventoryError::of_the_whole(
                "two documents say what `node` is; let one of them say it".to_owned(),
            ));
        }
        self.endpoints.extend(other.endpoints);
        for (name, labels) in other.namespaces {
            self.add_namespace(name, labels)?;
        }
        self.remote_nodes.extend(other.remote_nodes);
        self.addresses_of.extend(&other.addresses_of);
        Ok(())
    }

    /// Its endpoints, where it says nothing else.
    ///
    /// # Errors
    /// It says something else: here it is.
    pub fn into_endpoints(self) -> Result<Box<[Arc<Endpoint>]>, Box<Self>> {
        let only = Self {
            endpoints: self.endpoints.clone(),
            ..Self::default()
        };
        if self == only {
            Ok(self.endpoints.into())
        } else {
            Err(Box::new(self))
        }
    }

    /// Shares the endpoints that are the same as those of a part before.
    pub fn share_endpoints(&mut self, before: &[Arc<Endpoint>]) {
        share(&mut self.endpoints, before);
    }

    pub(crate) fn add_namespace(
        &mut self,
        name: String,
        labels: Labels,
    ) -> Result<(), InventoryError> {
        if self.namespaces.contains_key(&name) {
            return Err(twice(&name));
        }
        self.namespaces.insert(name, labels);
        Ok(())
    }
}

fn twice(namespace: &str) -> InventoryError {
    InventoryError::of_the_whole(format!("namespace `{namespace}` occurs twice"))
}

/// The documents of a text. What is JSON is read as such, which is much quicker.
fn documents<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, InventoryError> {
    if text.trim_start().starts_with('{')
        && let Ok(document) = serde_json::from_str(text)
    {
        return Ok(vec![document]);
    }
    serde_yaml::Deserializer::from_str(text)
        .map(|document| T::deserialize(document).map_err(located))
        .collect()
}

/// A part, or its endpoints where it says nothing else.
#[derive(Clone, Copy, Debug)]
pub enum PartRef<'p> {
    /// All that it says.
    Whole(&'p Part),
    /// Endpoints.
    Endpoints(&'p [Arc<Endpoint>]),
}

impl Inventory {
    /// Puts parts together, in this order, and checks the whole. Each has a name, for messages.
    ///
    /// # Errors
    /// No part or several say what the node is, or the whole contradicts itself.
    pub fn of_parts<'p>(
        parts: impl IntoIterator<Item = (&'p str, &'p Part)>,
        this_node: &ThisNode,
    ) -> Result<Self, InventoryError> {
        let parts = parts.into_iter();
        let parts = parts.map(|(name, part)| (name, PartRef::Whole(part)));
        Self::after(None, parts, this_node)
    }

    /// As [`Self::of_parts`], where most endpoints are those of an inventory before, and need not be
    /// checked again.
    ///
    /// # Errors
    /// As [`Self::of_parts`].
    pub fn after<'p>(
        before: Option<&Self>,
        parts: impl IntoIterator<Item = (&'p str, PartRef<'p>)>,
        this_node: &ThisNode,
    ) -> Result<Self, InventoryError> {
        let mut node: Option<(&str, &Node)> = None;
        let mut cluster_nodes = Vec::new();
        let mut whole = Part::default();
        whole
            .endpoints
            .reserve(before.map_or(0, |before| before.endpoints.len() + 1));
        for (name, part) in parts {
            let part = match part {
                PartRef::Whole(part) => part,
                PartRef::Endpoints(endpoints) => {
                    whole.endpoints.extend(endpoints.iter().cloned());
                    continue;
                }
            };
            match (&node, &part.node) {
                (Some((first, _)), Some(_)) => {
                    return Err(InventoryError::of_the_whole(format!(
                        "`{first}` and `{name}` both say what `node` is; let one of them say it"
                    )));
                }
                (None, Some(said)) => node = Some((name, said)),
                (_, None) => {}
            }
            whole.endpoints.extend(part.endpoints.iter().cloned());
            for (name, labels) in &part.namespaces {
                whole.add_namespace(name.clone(), labels.clone())?;
            }
            whole.remote_nodes.extend(part.remote_nodes.iter().cloned());
            whole.addresses_of.extend(&part.addresses_of);
            cluster_nodes.extend(&part.cluster_nodes);
        }
        let said = node.map(|(_, node)| node);
        let node = this(said, &cluster_nodes, this_node)?;
        let others = cluster_nodes
            .into_iter()
            .filter(|one| one.name != node.name);
        whole.remote_nodes.extend(others.cloned());
        let same = before.map(|before| same_endpoints(&before.endpoints, &whole.endpoints));
        if let Some((before, same)) = before.zip(same.as_ref()) {
            // Of endpoints that were there, the inventory before knows the namespaces.
            for name in before.namespaces.keys() {
                if !whole.namespaces.contains_key(name) {
                    whole.namespaces.insert(name.clone(), Labels::new());
                }
            }
            let new = whole.endpoints.iter().zip(same);
            let new = new.filter(|(_, same)| same.is_none()).map(|(one, _)| one);
            name_namespaces(new, &mut whole.namespaces);
        } else {
            name_namespaces(&whole.endpoints, &mut whole.namespaces);
        }
        let inventory = Self {
            node,
            endpoints: whole.endpoints,
            namespaces: whole.namespaces,
            remote_nodes: whole.remote_nodes,
            addresses_of: whole.addresses_of,
        };
        match before.zip(same) {
            Some((before, same)) => validate::validate_after(before, &inventory, &same)?,
            None => validate::validate(&inventory)?,
        }
        Ok(inventory)
    }
}

impl Inventory {
    /// This inventory with these endpoints, by full name, in place of those of the same names.
    ///
    /// # Errors
    /// They contradict it, or one another.
    pub fn with_endpoints(
        &self,
        set: &BTreeMap<String, Arc<Endpoint>>,
    ) -> Result<Self, InventoryError> {
        let others = self.endpoints.iter();
        let others = others.filter(|one| !set.contains_key(&one.full_name()));
        let mut whole = Part {
            endpoints: others.chain(set.values()).cloned().collect(),
            namespaces: self.namespaces.clone(),
            ..Part::default()
        };
        name_namespaces(&whole.endpoints, &mut whole.namespaces);
        let inventory = Self {
            node: self.node.clone(),
            endpoints: whole.endpoints,
            namespaces: whole.namespaces,
            remote_nodes: self.remote_nodes.clone(),
            addresses_of: self.addresses_of.clone(),
        };
        validate::validate(&inventory)?;
        Ok(inventory)
    }

    /// For each endpoint, the position of the one before that it is: the same, not an equal one. Where more
    /// than a few have gone between two that are still there, those behind count as others.
    #[must_use]
    pub fn same_endpoints(&self, before: &Self) -> Vec<Option<u32>> {
        same_endpoints(&before.endpoints, &self.endpoints)
    }

    /// Shares the endpoints that another inventory has as well, so that they are there once.
    pub fn share_endpoints(&mut self, with: &Self) {
        share(&mut self.endpoints, &with.endpoints);
    }
}

/// As [`Inventory::same_endpoints`].
fn same_endpoints(before: &[Arc<Endpoint>], now: &[Arc<Endpoint>]) -> Vec<Option<u32>> {
    const NEAR: usize = 64;
    let mut next = 0;
    now.iter()
        .map(|endpoint| {
            let mut ahead = before.get(next..)?.iter().take(NEAR);
            let skipped = ahead.position(|one| Arc::ptr_eq(one, endpoint))?;
            next += skipped + 1;
            u32::try_from(next - 1).ok()
        })
        .collect()
}

/// Puts the same endpoints of before in place of equal ones.
fn share(endpoints: &mut [Arc<Endpoint>], before: &[Arc<Endpoint>]) {
    let known: BTreeMap<(Option<&str>, &str), &Arc<Endpoint>> =
        before.iter().map(|one| (one.key(), one)).collect();
    for endpoint in endpoints {
        if let Some(&same) = known.get(&endpoint.key())
            && same == endpoint
        {
            *endpoint = Arc::clone(same);
        }
    }
}

/// This node: what a part says of it, and what the cluster does.
fn this(
    said: Option<&Node>,
    cluster_nodes: &[&RemoteNode],
    this_node: &ThisNode,
) -> Result<Node, InventoryError> {
    let error = InventoryError::of_the_whole;
    let mut node = match (said, this_node) {
        (Some(said), ThisNode::Named(name)) if said.name != *name => {
            return Err(error(format!(
                "`node` is `{}`, and this agent was told that its node is `{name}`",
                said.name
            )));
        }
        (Some(said), _) => said.clone(),
        (None, ThisNode::Any) => Node::default(),
        (None, ThisNode::AsSaid) => {
            return Err(error(
                "nothing says what `node` is; one part must".to_owned(),
            ));
        }
        (None, ThisNode::Assumed(name) | ThisNode::Named(name)) => {
            if !cluster_nodes.iter().any(|one| one.name == *name) {
                return Err(error(if cluster_nodes.is_empty() {
                    "no file says what `node` is; one of them must".to_owned()
                } else {
                    format!(
                        "no Node is called `{name}`, as this node is; say `--node` if it has another \
                         name"
                    )
                }));
            }
            Node {
                name: name.clone(),
                ..Node::default()
            }
        }
    };
    for one in cluster_nodes.iter().filter(|one| one.name == node.name) {
        for (key, value) in &one.labels {
            let key = key.clone();
            node.labels.entry(key).or_insert_with(|| value.clone());
        }
        for address in &one.addresses {
            if !node.addresses.contains(address) {
                node.addresses.push(*address);
            }
        }
    }
    Ok(node)
}

/// Gives every namespace that there is, those of these endpoints too, the label with its name.
fn name_namespaces<'e>(
    endpoints: impl IntoIterator<Item = &'e Arc<Endpoint>>,
    namespaces: &mut BTreeMap<String, Labels>,
) {
    let mut last = None;
    for endpoint in endpoints {
        let namespace = endpoint.namespace.as_ref();
        // Those of one namespace most often stand together.
        if namespace != last
            && let Some(namespace) = namespace
            && !namespaces.contains_key(namespace)
        {
            namespaces.insert(namespace.clone(), Labels::new());
        }
        last = namespace;
    }
    for (name, labels) in namespaces {
        let key = NAMESPACE_NAME_LABEL.to_owned();
        labels.entry(key).or_insert_with(|| name.clone());
    }
}

impl AddressesOf {
    fn extend(&mut self, other: &Self) {
        self.kube_apiserver.extend(&other.kube_apiserver);
        self.health.extend(&other.health);
        self.ingress.extend(&other.ingress);
        self.unmanaged.extend(&other.unmanaged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(parts: &[(&str, &str)]) -> Result<Inventory, String> {
        let parsed: Vec<(&str, Part)> = parts
            .iter()
            .map(|(name, text)| (*name, Part::parse(text).unwrap()))
            .collect();
        let named = parsed.iter().map(|(name, part)| (*name, part));
        Inventory::of_parts(named, &ThisNode::Assumed("other".to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn parts_are_the_same_as_one_file() {
        let parts = [
            ("node.yaml", "node: { name: n, addresses: [10.0.0.1] }"),
            ("empty.yaml", "# nothing yet\n"),
            ("a.yaml", "endpoints: [{ name: a, addresses: [10.0.0.2] }]"),
            (
                "b.json",
                "{\"endpoints\": [{ \"name\": \"b\", \"addresses\": [\"10.0.0.3\"] }], \
                 \"addresses_of\": { \"health\": [\"10.0.0.9\"] }}",
            ),
        ];
        let one = "node: { name: n, addresses: [10.0.0.1] }\nendpoints:\n\
                   - { name: a, addresses: [10.0.0.2] }\n---\nendpoints:\n\
                   - { name: b, addresses: [10.0.0.3] }\naddresses_of: { health: [10.0.0.9] }\n";
        assert_eq!(whole(&parts), Ok(Inventory::parse(one).unwrap()));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let node = "node: { name: n }";
        assert_eq!(
            whole(&[("a.yaml", node), ("b.yaml", node)]),
            Err("`a.yaml` and `b.yaml` both say what `node` is; let one of them say it".to_owned())
        );
        assert_eq!(
            whole(&[("a.yaml", "endpoints: []")]),
            Err("no file says what `node` is; one of them must".to_owned())
        );
        let twice = "endpoints: [{ name: a, addresses: [10.0.0.2] }]";
        assert_eq!(
            whole(&[("n.yaml", node), ("a.yaml", twice), ("b.yaml", twice)]),
            Err("endpoint `a` occurs twice".to_owned())
        );
        let twice = "namespaces: { shop: {} }";
        assert_eq!(
            whole(&[("n.yaml", node), ("a.yaml", twice), ("b.yaml", twice)]),
            Err("namespace `shop` occurs twice".to_owned())
        );
        Part::parse("endpoint: []").unwrap_err();
        Part::parse("node: { name: a }\n---\nnode: { name: a }").unwrap_err();
        let kinder = Part::parse("endpoints: [{ name: kind, adresses: [] }]").unwrap_err();
        assert_eq!(kinder.location.map(|(line, _)| line), Some(1), "{kinder}");
    }
}
