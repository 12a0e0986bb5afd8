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
    let is_it = |service: &&polc_cluster::Service| {
        service.namespace == entrance.namespace && service.name == backend.service
    };
    let Some(service) = cluster.services.iter().find(is_it) else {
        return;
    };
    let ports = service.ports.iter().filter(|port| {
        let by_port = backend.port.as_ref();
        let by_target = backend.target.as_ref();
        by_port.is_none_or(|wanted| service.port(wanted) == Some(*port))
            // A Route names the port of the service, or of its pods.
            && by_target.is_none_or(|wanted| {
                port.target == *wanted || service.port(wanted) == Some(*port)
            })
    });
    let ports: Vec<_> = ports.collect();
    for workload in cluster.workloads.iter().filter(|one| service.selects(one)) {
        for port in &ports {
            if let Some(number) = port.target.at(workload, port.protocol) {
                let set = wanted.entry(workload.title()).or_default();
                *set = set.union(&L4Set::port(port.protocol, number));
            }
        }
    }
}
