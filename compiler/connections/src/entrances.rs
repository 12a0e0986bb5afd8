//! What Ingress and Route objects let in: the ports of the workloads behind their services.

use std::collections::BTreeMap;

use polc_cluster::{Backend, Cluster, Entrance};

use crate::L4Set;

/// The ports that traffic is let in to, by the title of the workload.
pub(crate) fn wanted(cluster: &Cluster) -> BTreeMap<String, L4Set> {
    let mut wanted: BTreeMap<String, L4Set> = BTreeMap::new();
    for entrance in &cluster.entrances {
        for backend in &entrance.backends {
            add(cluster, entrance, backend, &mut wanted);
        }
    }
    wanted
}

fn add(
    cluster: &Cluster,
    entrance: &Entrance,
    backend: &Backend,
    wanted: &mut BTreeMap<String, L4Set>,
) {
    let Some(service) = cluster.service_of(entrance, backend) else {
        return;
    };
    let ports: Vec<_> = backend.ports_of(service).collect();
    for workload in cluster.workloads.iter().filter(|one| service.selects(one)) {
        for port in &ports {
            if let Some(number) = port.target.at(workload, port.protocol) {
                let set = wanted.entry(workload.title()).or_default();
                *set = set.union(&L4Set::port(port.protocol, number));
            }
        }
    }
}
