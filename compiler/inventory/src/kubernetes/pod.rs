//! `Pod`: an endpoint, as long as it has an address of its own.

use std::{net::IpAddr, sync::Arc};

use polc_model::{
    NamedPort, NamedPorts, PortProtocol,
    l4::{PORT_NAME_RULE, is_port_name},
    selector::{CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_yaml::Value;

use super::metadata::{Metadata, or_nothing};
use crate::{Endpoint, InventoryError, Part, WithoutEndpoint};

/// The annotation that names the node's end of a pod's link. Without it, that is the interface that the
/// pod's addresses are routed to.
pub const INTERFACE_ANNOTATION: &str = "polc.dev/interface";

#[derive(Deserialize)]
pub(super) struct Pod {
    metadata: Metadata,
    #[serde(default, deserialize_with = "or_nothing")]
    spec: Spec,
    #[serde(default, deserialize_with = "or_nothing")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    service_account_name: Option<String>,
    #[serde(deserialize_with = "or_nothing")]
    host_network: bool,
    #[serde(deserialize_with = "or_nothing")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "or_nothing")]
    init_containers: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    /// `Always` makes an init container a sidecar, which stays.
    #[serde(default)]
    restart_policy: Option<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    #[serde(default)]
    name: Option<String>,
    #[serde(deserialize_with = "port_number")]
    container_port: u16,
    #[serde(default)]
    protocol: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs", deserialize_with = "or_nothing")]
    pod_ips: Vec<PodIp>,
}

#[derive(Deserialize)]
struct PodIp {
    ip: String,
}

pub(super) fn read(pod: Pod, part: &mut Part) -> Result<(), InventoryError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    let name = format!("{namespace}/{}", pod.metadata.name);
    if let Some(why) = pod.without_endpoint() {
        part.without_endpoint.push(WithoutEndpoint { name, why });
        return Ok(());
    }
    let wrong = |field: &str, what: String| {
        InventoryError::of_the_whole(format!("Pod `{name}`: `{field}`: {what}"))
    };
    let addresses = pod.addresses().map(|address| {
        address.parse::<IpAddr>().map_err(|_| {
            let what = format!("`{address}` is not an IP address");
            wrong("status.podIPs", what)
        })
    });
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let ports = ports(&pod.spec).map_err(|what| wrong("spec.containers.ports", what))?;
    let mut annotations = pod.metadata.annotations;
    let mut labels = pod.metadata.labels;
    let account = pod.spec.service_account_name;
    let account = account.filter(|name| !name.is_empty());
    for (key, value) in [(SERVICE_ACCOUNT_LABEL, account), (CLUSTER_LABEL, None)] {
        let value = value.unwrap_or_else(|| "default".to_owned());
        labels.insert(key.to_owned(), value);
    }
    part.endpoints.push(Arc::new(Endpoint {
        namespace: Some(namespace.to_owned()),
        name: pod.metadata.name,
        init: false,
        labels: Arc::new(labels),
        node: pod.spec.node_name,
        interface: annotations.remove(INTERFACE_ANNOTATION),
        addresses,
        ports,
    }));
    Ok(())
}

impl Pod {
    /// Why there is no endpoint, if there is none.
    fn without_endpoint(&self) -> Option<&'static str> {
        if self.spec.host_network {
            return Some("it has its node's network");
        }
        if let Some("Succeeded" | "Failed") = self.status.phase.as_deref() {
            return Some("it has ended");
        }
        if self.spec.node_name.is_none() {
            return Some("it is on no node yet");
        }
        if self.addresses().next().is_none() {
            return Some("it has no address yet");
        }
        None
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        let all = self.status.pod_ips.iter().map(|one| one.ip.as_str());
        let first = self.status.pod_ip.as_deref();
        let first = first.filter(|_| self.status.pod_ips.is_empty());
        all.chain(first).filter(|address| !address.is_empty())
    }
}

fn port_number<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let written = Value::deserialize(from)?;
    let number = written
        .as_u64()
        .and_then(|number| u16::try_from(number).ok());
    let number = number.filter(|&number| number > 0);
    number.ok_or_else(|| D::Error::custom("a port is a number from 1 to 65535"))
}

/// The ports with names, of what runs as long as the pod. Of several with the same name, the first one
/// counts, as for Kubernetes.
fn ports(spec: &Spec) -> Result<NamedPorts, String> {
    let sidecars = spec.init_containers.iter();
    let sidecars = sidecars.filter(|one| one.restart_policy.as_deref() == Some("Always"));
    let mut named = NamedPorts::new();
    for port in spec
        .containers
        .iter()
        .chain(sidecars)
        .flat_map(|one| &one.ports)
    {
        let Some(name) = port.name.as_ref().filter(|name| !name.is_empty()) else {
            continue;
        };
        if !is_port_name(name) {
            return Err(format!(
                "`{name}` is not the name of a port; expected {PORT_NAME_RULE}"
            ));
        }
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let known = PortProtocol::ALL.into_iter();
        let protocol = known
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(protocol))
            .ok_or_else(|| format!("`{protocol}` is not a protocol: expected TCP, UDP or SCTP"))?;
        named.entry(name.clone()).or_insert(NamedPort {
            protocol,
            port: port.container_port,
        });
    }
    Ok(named)
}
