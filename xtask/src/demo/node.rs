//! The node, its pods, the host outside, and the servers in them.

use std::{collections::BTreeSet, net::IpAddr};

use polc_inventory::Inventory;
use polc_testbed::{Namespace, Outcome, Probe, Server, Testbed};

use super::trial::{End, Site, Trial};
use crate::run::{Error, Result};

/// Everything that the trials need. Taken down when dropped.
pub(crate) struct Node {
    testbed: Testbed,
    _servers: Vec<Server>,
}

impl Node {
    pub(crate) fn new(inventory: &Inventory, trials: &[Trial]) -> Result<Self> {
        let outside: BTreeSet<IpAddr> = trials
            .iter()
            .flat_map(|trial| [&trial.source, &trial.destination])
            .filter(|end| end.site == Site::Outside)
            .map(|end| end.address)
            .collect();
        let outside: Vec<IpAddr> = outside.into_iter().collect();
        let testbed = Testbed::new("demo", inventory, &outside).map_err(system)?;
        let mut servers = Vec::new();
        // By address, because a server that answers must answer from the address that was asked.
        let mut served: BTreeSet<(Site, Option<IpAddr>, u8, u16)> = BTreeSet::new();
        for trial in trials {
            let End { site, address } = &trial.destination;
            let (address, port) = match trial.probe {
                Probe::Tcp(port) | Probe::Http(port) => (None, port),
                Probe::Udp(port) => (Some(*address), port),
                Probe::Icmp { .. } => continue,
            };
            if !served.insert((site.clone(), address, trial.l4.protocol(), port)) {
                continue;
            }
            let namespace = namespace(&testbed, site)?;
            let server = match (trial.probe, address) {
                (Probe::Http(_), _) => namespace.serve_http(port),
                (_, Some(address)) => namespace.serve_udp_at(address, port),
                (_, None) => namespace.serve_tcp(port),
            };
            servers.push(server.map_err(system)?);
        }
        Ok(Self {
            testbed,
            _servers: servers,
        })
    }

    /// Sends a trial's probe.
    pub(crate) fn try_out(&self, trial: &Trial) -> Result<Outcome> {
        let End { site, address } = &trial.source;
        namespace(&self.testbed, site)?
            .probe(trial.probe, *address, trial.destination.address)
            .map_err(|cause| Error(format!("{}: {cause}", trial.place)))
    }

    /// The namespace of the node itself.
    pub(crate) fn namespace(&self) -> &Namespace {
        self.testbed.node()
    }

    /// The namespace of some pod, to play with.
    pub(crate) fn a_pod(&self) -> Option<(&str, &Namespace)> {
        self.testbed.pods().next()
    }
}

fn namespace<'a>(testbed: &'a Testbed, site: &Site) -> Result<&'a Namespace> {
    Ok(match site {
        Site::Node => testbed.node(),
        Site::Outside => testbed.outside().map_err(system)?.namespace(),
        Site::Pod(name) => testbed.pod(name).map_err(system)?.namespace(),
    })
}

pub(super) fn system(cause: std::io::Error) -> Error {
    Error(format!("the testbed failed: {cause}"))
}
