//! Whether policy lets the probes of a cluster's workloads succeed that run `curl`: the services that they
//! ask for are looked up, and so are the nodes' ports that lead to others.

mod curl;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::IpAddr,
};

use polc_cluster::{Cluster, PortRef, Service, Workload};
use polc_connections::{Connection, Connections};
use polc_model::PortProtocol;
use serde::Serialize;

use super::text::ends;
use crate::render::json;
use curl::{Asked, Expects, asked};

/// A probe, and what policy does to it. Fields may be added, never removed or renamed.
#[derive(Serialize)]
struct Probe {
    workload: String,
    command: String,
    outcome: Outcome,
    /// Whether the probe wants the connection to fail.
    expects_failure: bool,
    as_expected: bool,
}

/// What becomes of the connection that a probe opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Allowed,
    Denied,
    /// It stays in its pod, where no policy is asked.
    Inside,
    /// Nothing of this name is known.
    Unknown,
}

impl Outcome {
    const fn words(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Inside => "stays in its pod",
            Self::Unknown => "asks for somebody who is not known",
        }
    }
}

/// Writes a line for each probe.
pub(super) fn lines(
    out: &mut dyn Write,
    connections: &Connections<'_>,
    cluster: &Cluster,
) -> io::Result<()> {
    for probe in all(connections, cluster) {
        let remark = match (probe.outcome, probe.as_expected) {
            (Outcome::Unknown, _) => "",
            (_, true) => ", as it expects",
            (_, false) => ", which it does not expect",
        };
        let (workload, command) = (&probe.workload, &probe.command);
        writeln!(
            out,
            "{workload} : {command} : {}{remark}",
            probe.outcome.words()
        )?;
    }
    Ok(())
}

/// Writes them for programs.
pub(super) fn json(
    out: &mut dyn Write,
    connections: &Connections<'_>,
    cluster: &Cluster,
) -> io::Result<()> {
    let mut text = Vec::new();
    json::write(&mut text, &all(connections, cluster));
    out.write_all(&text)
}

fn all(connections: &Connections<'_>, cluster: &Cluster) -> Vec<Probe> {
    let open = Open::of(connections);
    let mut probes = Vec::new();
    for workload in &cluster.workloads {
        for command in &workload.probes {
            let Some(asked) = asked(command) else {
                continue;
            };
            let outcome = open.outcome(cluster, workload, &asked);
            let succeeds = matches!(outcome, Outcome::Allowed | Outcome::Inside);
            let as_expected =
                outcome != Outcome::Unknown && succeeds == (asked.expects == Expects::Success);
            probes.push(Probe {
                workload: workload.title(),
                command: command.join(" "),
                outcome,
                expects_failure: asked.expects == Expects::Failure,
                as_expected,
            });
        }
    }
    probes
}

/// The connections by source and destination.
struct Open<'c> {
    connections: &'c Connections<'c>,
    by_source: BTreeMap<String, Vec<(String, &'c Connection)>>,
}

impl<'c> Open<'c> {
    fn of(connections: &'c Connections<'c>) -> Self {
        let mut by_source: BTreeMap<String, Vec<(String, &Connection)>> = BTreeMap::new();
        for connection in &connections.connections {
            let [source, destination] = ends(connections, connection);
            by_source
                .entry(source)
                .or_default()
                .push((destination, connection));
        }
        Self {
            connections,
            by_source,
        }
    }

    /// Whether a workload may open TCP connections to a port of a destination that `is_it`.
    fn to(&self, source: &Workload, is_it: impl Fn(&str) -> bool, port: u16) -> bool {
        let from_it = self.by_source.get(&source.title()).into_iter().flatten();
        let mut to_it = from_it.filter(|(destination, _)| is_it(destination));
        to_it.any(|(_, connection)| {
            let keys = self.connections.keys(connection);
            let mut ranges = keys.ports(PortProtocol::Tcp).into_iter();
            ranges.any(|(first, last)| first <= port && port <= last)
        })
    }

    fn outcome(&self, cluster: &Cluster, source: &Workload, asked: &Asked) -> Outcome {
        let (host, port) = (asked.host.as_str(), asked.port);
        if host == "localhost" {
            return Outcome::Inside;
        }
        let of = |is_open| match is_open {
            true => Outcome::Allowed,
            false => Outcome::Denied,
        };
        if let Ok(address) = host.parse::<IpAddr>() {
            return of(self.to(source, |range| contains(range, address), port));
        }
        if let Some(service) = service(cluster, source, host) {
            return of(self.to_service(cluster, source, service, port));
        }
        let Some((_, domain)) = host.split_once('.') else {
            return Outcome::Unknown;
        };
        // Outside, by its name or a pattern of names.
        let names = [format!("{host}[External]"), format!("*.{domain}[External]")];
        let is_name = |destination: &str| names.iter().any(|name| name == destination);
        of(self.to(source, is_name, port))
    }

    /// Whether everybody behind a service is reached. A port that the service does not have is one of its
    /// pods, or of their node, which leads to the pods of another service.
    fn to_service(
        &self,
        cluster: &Cluster,
        source: &Workload,
        service: &Service,
        port: u16,
    ) -> bool {
        let behind = |service| behind(cluster, service);
        let target = service.port(&PortRef::Number(port));
        let is_reached = behind(service).all(|workload| {
            let number = match target {
                Some(target) => target.target.at(workload, target.protocol),
                None => Some(port),
            };
            let title = workload.title();
            number.is_some_and(|number| self.to(source, |one| one == title, number))
        });
        let of_node = cluster.services.iter().find_map(|service| {
            let mut ports = service.ports.iter();
            let port = ports.find(|one| one.node_port == Some(port))?;
            Some((service, port))
        });
        let Some((other, port)) = of_node else {
            return is_reached;
        };
        let Some(node) = behind(service).next() else {
            return false;
        };
        let is_forwarded = behind(other).all(|workload| {
            let title = workload.title();
            let number = port.target.at(workload, port.protocol);
            number.is_some_and(|number| self.to(node, |one| one == title, number))
        });
        is_reached && is_forwarded
    }
}

/// The workloads behind a service.
fn behind<'c>(cluster: &'c Cluster, service: &'c Service) -> impl Iterator<Item = &'c Workload> {
    let workloads = cluster.workloads.iter();
    workloads.filter(|workload| service.selects(workload))
}

/// The service of a name: of the workload's own namespace, or `name.namespace` with what follows.
fn service<'c>(cluster: &'c Cluster, source: &Workload, host: &str) -> Option<&'c Service> {
    let mut labels = host.split('.');
    let name = labels.next()?;
    let namespace = labels.next().unwrap_or(&source.namespace);
    let mut services = cluster.services.iter();
    services.find(|one| one.name == name && one.namespace == namespace)
}

/// Whether a range of addresses outside, as connections name it, contains an address.
fn contains(destination: &str, address: IpAddr) -> bool {
    let range = destination.strip_suffix("[External]");
    let ends = range.and_then(|range| range.split_once('-'));
    let ends = ends.and_then(|(first, last)| {
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        Some(first <= address && address <= last)
    });
    ends.unwrap_or(false)
}
