//! What pods are made of: from a pod itself, or from the template of what makes them.

use polc_kubernetes::{
    located::{Node, Scalar},
    reader::{Fields, list, text, wrong_type},
    report::Report,
};
use polc_model::{NamedPort, NamedPorts, PortProtocol};

use crate::fields::{items, port, protocol, word};

/// The service account of a pod that names none.
const DEFAULT_ACCOUNT: &str = "default";

/// A port that a container says it listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name, where it has one.
    pub name: Option<String>,
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port.
    pub port: u16,
}

/// Whose network a pod uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodNetwork {
    /// One of its own.
    #[default]
    Pod,
    /// The node's. Policies for pods do not apply to it.
    Host,
}

/// What is read of a pod's `spec`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pod {
    pub(crate) service_account: String,
    pub(crate) network: PodNetwork,
    pub(crate) node: Option<String>,
    pub(crate) ports: Vec<ContainerPort>,
    pub(crate) probes: Vec<Vec<String>>,
}

/// Reads a pod's `spec`.
pub(crate) fn read(spec: &Fields<'_>, report: &mut Report) -> Pod {
    let account = word(spec, "serviceAccountName", report);
    let mut pod = Pod {
        service_account: account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned()),
        network: network(spec, report),
        node: word(spec, "nodeName", report),
        ..Pod::default()
    };
    for group in ["initContainers", "containers"] {
        for container in items(spec, group, report) {
            for item in items(&container, "ports", report) {
                pod.ports.extend(container_port(&item, report));
            }
            pod.probes.extend(probes(&container, report));
        }
    }
    pod
}

fn network(spec: &Fields<'_>, report: &mut Report) -> PodNetwork {
    match spec.get("hostNetwork") {
        Some(field) if field.value.scalar() == Some(Scalar::Bool) => match field.value.text() {
            Some("true") => PodNetwork::Host,
            _ => PodNetwork::Pod,
        },
        Some(field) => {
            wrong_type(field.value, "`hostNetwork`", "a truth value", report);
            PodNetwork::Pod
        }
        None => PodNetwork::Pod,
    }
}

fn container_port(fields: &Fields<'_>, report: &mut Report) -> Option<ContainerPort> {
    let number = fields.get("containerPort")?;
    Some(ContainerPort {
        name: word(fields, "name", report),
        protocol: protocol(fields, report)?,
        port: port(number.value, "`containerPort`", report)?,
    })
}

/// The commands that say whether a container is ready or alive.
fn probes(container: &Fields<'_>, report: &mut Report) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for name in ["readinessProbe", "livenessProbe"] {
        let exec = container
            .get(name)
            .and_then(|probe| probe.value.get("exec"));
        let Some(command) = exec.and_then(|exec| exec.get("command")) else {
            continue;
        };
        let words = list(command, "`command`", report).unwrap_or_default();
        let words: Option<Vec<String>> = words
            .iter()
            .map(|item: &Node| text(item, "an item of `command`", report).map(str::to_owned))
            .collect();
        commands.extend(words.filter(|words| !commands.contains(words)));
    }
    commands
}

/// The ports that have a name. Of two with one name the first counts.
pub(crate) fn named(ports: &[ContainerPort]) -> NamedPorts {
    let mut named = NamedPorts::new();
    for one in ports {
        if let Some(name) = &one.name {
            named.entry(name.clone()).or_insert(NamedPort {
                protocol: one.protocol,
                port: one.port,
            });
        }
    }
    named
}
