//! What runs in a cluster, and diagnostics, as short lines.

use std::fmt::Write;

use polc_cluster::{Backend, Cluster, PodNetwork, PortRef, Service, Workload};
use polc_diagnostics::Diagnostic;
use polc_model::Labels;

/// Everything that is known of a cluster.
pub(crate) fn cluster(cluster: &Cluster, out: &mut String) {
    for (kind, named) in [("namespace", &cluster.namespaces), ("node", &cluster.nodes)] {
        for (name, labels) in named {
            writeln!(out, "{kind} {name} {}", braced(labels)).unwrap();
        }
    }
    for one in &cluster.workloads {
        workload(one, out);
    }
    for one in &cluster.services {
        service(one, out);
    }
    for one in &cluster.endpoints {
        let addresses: Vec<String> = one.addresses.iter().map(ToString::to_string).collect();
        let (namespace, service) = (&one.namespace, &one.service);
        writeln!(
            out,
            "endpoints {namespace}/{service}: {}",
            addresses.join(", ")
        )
        .unwrap();
    }
    for one in &cluster.entrances {
        writeln!(out, "entrance {}/{}", one.namespace, one.name).unwrap();
        for backend in &one.backends {
            writeln!(out, "  to {}", backend_line(backend)).unwrap();
        }
    }
}

fn braced(labels: &Labels) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{{{}}}", labels.join(", "))
}

fn workload(one: &Workload, out: &mut String) {
    let mut line = format!(
        "{} {} as {}",
        one.title(),
        braced(&one.labels),
        one.service_account
    );
    if let Some(pod) = &one.pod {
        write!(line, ", pod {pod}").unwrap();
    }
    if one.replicas != 1 {
        write!(line, ", {} times", one.replicas).unwrap();
    }
    if one.network == PodNetwork::Host {
        line.push_str(", on the host's network");
    }
    writeln!(out, "{line}").unwrap();
    for port in &one.ports {
        let name = port.name.as_deref().unwrap_or("-");
        writeln!(out, "  port {name} {} {}", port.protocol.name(), port.port).unwrap();
    }
    for (name, port) in &one.named_ports {
        writeln!(out, "  {name} is {} {}", port.protocol.name(), port.port).unwrap();
    }
    for probe in &one.probes {
        writeln!(out, "  probe {}", probe.join(" ")).unwrap();
    }
}

fn service(one: &Service, out: &mut String) {
    let mut line = format!(
        "service {}/{} for {}",
        one.namespace,
        one.name,
        braced(&one.selector)
    );
    if one.is_headless {
        line.push_str(", headless");
    }
    if let Some(name) = &one.external_name {
        write!(line, ", which is {name}").unwrap();
    }
    writeln!(out, "{line}").unwrap();
    for port in &one.ports {
        let name = port.name.as_deref().unwrap_or("-");
        let (protocol, target) = (port.protocol.name(), reference(&port.target));
        write!(out, "  port {name} {protocol} {} to {target}", port.port).unwrap();
        match port.node_port {
            Some(port) => writeln!(out, ", {port} of nodes").unwrap(),
            None => out.push('\n'),
        }
    }
}

fn backend_line(backend: &Backend) -> String {
    let mut line = backend.service.clone();
    if let Some(port) = &backend.port {
        write!(line, " port {}", reference(port)).unwrap();
    }
    if let Some(target) = &backend.target {
        write!(line, " target {}", reference(target)).unwrap();
    }
    line
}

fn reference(port: &PortRef) -> String {
    match port {
        PortRef::Number(number) => number.to_string(),
        PortRef::Name(name) => format!("\"{name}\""),
    }
}

/// `P1002 4:3 error: the headline`, for each diagnostic. Columns count characters.
pub(crate) fn diagnostics<'a>(
    text: &str,
    found: impl Iterator<Item = &'a Diagnostic>,
    out: &mut String,
) {
    for one in found {
        let start = one.primary.place.range.start as usize;
        let before = text.get(..start).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let (code, severity, headline) = (one.code, one.severity.name(), &one.headline);
        writeln!(out, "{code} {line}:{column} {severity}: {headline}").unwrap();
    }
}
