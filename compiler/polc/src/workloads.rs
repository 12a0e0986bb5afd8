//! An inventory of what makes pods: Deployments and their like say which pods there will be, though not
//! where.

use std::{borrow::Cow, collections::BTreeSet, path::PathBuf, sync::Arc};

use polc_cluster::{Cluster, PodNetwork, Workload};
use polc_diagnostics::Severity;
use polc_inventory::{AddressesOf, Endpoint, Inventory, InventoryError, Node, RemoteNode};
use polc_model::selector::{CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL};

/// The cluster that a pod is in, as clusters are called by default.
const CLUSTER: &str = "default";

/// The inventory of the workloads of these texts, or which of them is wrong. `None` where there are none but
/// single pods: those say more about themselves.
pub(crate) fn inventory(
    texts: &[(PathBuf, String)],
) -> Option<Result<Inventory, (PathBuf, InventoryError)>> {
    let names = texts.iter().map(|(path, _)| path.to_string_lossy());
    let names: Vec<Cow<'_, str>> = names.collect();
    let named = names.iter().zip(texts);
    let (cluster, diagnostics) = Cluster::read(
        named
            .clone()
            .map(|(name, (_, text))| (&**name, text.as_str())),
    );
    // Errors of single pods are said by who reads those.
    if cluster.workloads.iter().all(|one| one.kind == "Pod") {
        return None;
    }
    let mut errors = diagnostics.into_iter();
    if let Some(error) = errors.find(|one| one.severity == Severity::Error) {
        let wrong = named
            .into_iter()
            .find(|(name, _)| ***name == *error.primary.place.file);
        let (path, text) = wrong.map(|(_, one)| one)?;
        let before = text.get(..error.primary.place.range.start as usize);
        let before = before.unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let cause = InventoryError {
            message: error.headline,
            location: Some((line, column)),
        };
        return Some(Err((path.clone(), cause)));
    }
    if let Some((path, _)) = texts.iter().find(|(_, text)| has_own_words(text)) {
        let cause = InventoryError {
            message: "endpoints in our own words have addresses, and pods that are still to be made have \
                      none: give one of the two"
                .to_owned(),
            location: None,
        };
        return Some(Err((path.clone(), cause)));
    }
    let nodes = cluster.nodes.iter();
    let nodes = nodes.map(|(name, labels)| RemoteNode {
        name: name.clone(),
        addresses: Vec::new(),
        labels: labels.clone(),
    });
    // No node runs by this: nobody in it has an address, which is not known before pods start.
    Some(Ok(Inventory {
        node: Node::default(),
        remote_nodes: nodes.collect(),
        endpoints: endpoints(&cluster),
        namespaces: cluster.namespaces,
        addresses_of: AddressesOf::default(),
    }))
}

/// Whether a document of a text is a part of an inventory in our own words.
fn has_own_words(text: &str) -> bool {
    const OURS: [&str; 5] = [
        "node",
        "endpoints",
        "namespaces",
        "remote_nodes",
        "addresses_of",
    ];
    let (documents, _) = polc_kubernetes::located::documents(text);
    let mut documents = documents.iter();
    documents.any(|one| one.get("kind").is_none() && OURS.iter().any(|key| one.get(key).is_some()))
}

fn endpoints(cluster: &Cluster) -> Vec<Arc<Endpoint>> {
    let mut names = BTreeSet::new();
    let workloads = cluster.workloads.iter();
    // A pod in its node's network is the node.
    let workloads = workloads.filter(|one| one.network == PodNetwork::Pod);
    workloads
        .map(|workload| {
            let mut name = workload.name.clone();
            // A Deployment and a Job may have one name.
            if !names.insert((workload.namespace.clone(), name.clone())) {
                name = format!("{name}[{}]", workload.kind);
            }
            Arc::new(endpoint(workload, name))
        })
        .collect()
}

fn endpoint(workload: &Workload, name: String) -> Endpoint {
    let mut labels = workload.labels.clone();
    for (key, value) in [
        (SERVICE_ACCOUNT_LABEL, workload.service_account.as_str()),
        (CLUSTER_LABEL, CLUSTER),
    ] {
        labels
            .entry(key.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    Endpoint {
        name,
        namespace: Some(workload.namespace.clone()),
        init: false,
        labels: Arc::new(labels),
        node: None,
        interface: None,
        addresses: Vec::new(),
        ports: workload.named_ports.clone(),
    }
}
