//! Services.

use std::fmt;

use polc_kubernetes::{
    located::{Node, Scalar},
    reader::Fields,
    report::Report,
};
use polc_model::{Labels, PortProtocol};

use crate::{
    Workload,
    fields::{items, labels, port, protocol, word},
    objects::Object,
};

/// A service: a name for the pods with some labels.
#[derive(Clone, Debug)]
pub struct Service {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The labels of its pods. Empty: it has none of its own.
    pub selector: Labels,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Whether its name resolves to the addresses of its pods, not to one of its own.
    pub is_headless: bool,
    /// The name that it stands for, of a service outside.
    pub external_name: Option<String>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The name, where it has one.
    pub name: Option<String>,
    /// The protocol.
    pub protocol: PortProtocol,
    /// The port of the service.
    pub port: u16,
    /// The port of its pods.
    pub target: PortRef,
    /// The port of every node, where it has one.
    pub node_port: Option<u16>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortRef {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// Reads a service. `None` where it has no name.
pub(crate) fn read(object: &Object<'_>, report: &mut Report) -> Option<Service> {
    let metadata = object.metadata(report)?;
    let spec = object.spec(report)?;
    let ports = items(&spec, "ports", report);
    let ports = ports.iter().filter_map(|item| service_port(item, report));
    let ports = ports.collect();
    Some(Service {
        namespace: metadata.namespace,
        name: metadata.name,
        selector: labels(spec.get("selector"), "`selector`", report),
        ports,
        is_headless: word(&spec, "clusterIP", report).as_deref() == Some("None"),
        external_name: word(&spec, "externalName", report),
    })
}

fn service_port(fields: &Fields<'_>, report: &mut Report) -> Option<ServicePort> {
    let number = fields.required("port", "an item of `ports`", report)?;
    let number = port(number.value, "`port`", report)?;
    let target = match fields.get("targetPort") {
        Some(field) => port_ref(field.value, "`targetPort`", report)?,
        None => PortRef::Number(number),
    };
    let node_port = fields.get("nodePort");
    Some(ServicePort {
        name: word(fields, "name", report),
        protocol: protocol(fields, report)?,
        port: number,
        target,
        node_port: node_port.and_then(|field| port(field.value, "`nodePort`", report)),
    })
}

/// A port by number or by name.
pub(crate) fn port_ref(node: &Node, what: &str, report: &mut Report) -> Option<PortRef> {
    match node.scalar() {
        Some(Scalar::Text(name)) => Some(PortRef::Name(name.to_owned())),
        _ => port(node, what, report).map(PortRef::Number),
    }
}

impl Service {
    /// Whether a workload is behind it.
    #[must_use]
    pub fn selects(&self, workload: &Workload) -> bool {
        let has = |(key, value): (&String, &String)| workload.labels.get(key) == Some(value);
        !self.selector.is_empty()
            && workload.namespace == self.namespace
            && self.selector.iter().all(has)
    }

    /// The port with this number or name.
    #[must_use]
    pub fn port(&self, wanted: &PortRef) -> Option<&ServicePort> {
        self.ports.iter().find(|one| match wanted {
            PortRef::Number(number) => one.port == *number,
            PortRef::Name(name) => one.name.as_ref() == Some(name),
        })
    }
}

impl PortRef {
    /// The port's number at a workload: by its own, or by that of the port it names.
    #[must_use]
    pub fn at(&self, workload: &Workload, protocol: PortProtocol) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(name) => {
                let port = workload.named_ports.get(name)?;
                (port.protocol == protocol).then_some(port.port)
            }
        }
    }
}
