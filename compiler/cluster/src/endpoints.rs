//! Addresses of services, as `Endpoints` and `EndpointSlice` objects list them.

use std::net::IpAddr;

use polc_kubernetes::{
    located::Node,
    reader::{Fields, list, text},
    report::Report,
};

use crate::{
    fields::{items, word},
    objects::Object,
};

/// The label of a slice that names its service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// Addresses of a service.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The namespace of the service.
    pub namespace: String,
    /// The name of the service.
    pub service: String,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

/// Reads the addresses of a service. `None` where it does not say of which.
pub(crate) fn read(object: &Object<'_>, report: &mut Report) -> Option<Endpoints> {
    let metadata = object.metadata(report)?;
    let fields = Fields::any(&object.node, "an object", report)?;
    let mut addresses = Vec::new();
    let service = if object.kind == "Endpoints" {
        for subset in items(&fields, "subsets", report) {
            for item in items(&subset, "addresses", report) {
                let address = item.required("ip", "an item of `addresses`", report);
                addresses.extend(address.and_then(|field| ip(field.value, "`ip`", report)));
            }
        }
        metadata.name
    } else {
        // Names outside have no addresses here.
        if word(&fields, "addressType", report).as_deref() == Some("FQDN") {
            return None;
        }
        for item in items(&fields, "endpoints", report) {
            let Some(field) = item.get("addresses") else {
                continue;
            };
            for address in list(field.value, "`addresses`", report).unwrap_or_default() {
                addresses.extend(ip(address, "an item of `addresses`", report));
            }
        }
        metadata.labels.get(SERVICE_LABEL)?.clone()
    };
    Some(Endpoints {
        namespace: metadata.namespace,
        service,
        addresses,
    })
}

fn ip(node: &Node, what: &str, report: &mut Report) -> Option<IpAddr> {
    let written = text(node, what, report)?;
    let address = written.parse().ok();
    if address.is_none() {
        report.invalid(
            format!("`{written}` is not an IP address"),
            node.span,
            "expected an address such as `192.0.2.1`",
        );
    }
    address
}
