//! Addresses of services, as `Endpoints` and `EndpointSlice` objects list them.

use std::net::IpAddr;

use polc_kubernetes::{
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
                let address = word(&item, "ip", report);
                addresses.extend(address.and_then(|address| address.parse::<IpAddr>().ok()));
            }
        }
        metadata.name
    } else {
        for item in items(&fields, "endpoints", report) {
            let Some(field) = item.get("addresses") else {
                continue;
            };
            for address in list(field.value, "`addresses`", report).unwrap_or_default() {
                let address = text(address, "an item of `addresses`", report);
                addresses.extend(address.and_then(|address| address.parse::<IpAddr>().ok()));
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
