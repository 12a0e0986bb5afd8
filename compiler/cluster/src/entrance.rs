//! What lets traffic into the cluster: `Ingress`, and `Route` of OpenShift.

use polc_diagnostics::Place;
use polc_kubernetes::{located::Node, reader::Fields, report::Report};

use crate::{
    PortRef,
    fields::{inner, items, port, word},
    objects::Object,
    service::port_ref,
};

/// An object that lets traffic in.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The namespace of it and of its services.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Where traffic goes, in the order of the text, without repetition.
    pub backends: Vec<Backend>,
    /// Where its name is.
    pub place: Place,
}

/// A service that gets traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The name of the service.
    pub service: String,
    /// The port of the service. `None`: each.
    pub port: Option<PortRef>,
    /// The port of its pods, which a Route may name instead.
    pub target: Option<PortRef>,
}

/// Reads an `Ingress`.
pub(crate) fn ingress(object: &Object<'_>, report: &mut Report) -> Option<Entrance> {
    let spec = object.spec(report)?;
    let mut backends = Vec::new();
    // The older name of the field, too.
    for name in ["defaultBackend", "backend"] {
        if let Some(fields) = inner(&spec, name, report) {
            backends.extend(backend(&fields, report));
        }
    }
    for rule in items(&spec, "rules", report) {
        let Some(http) = inner(&rule, "http", report) else {
            continue;
        };
        for path in items(&http, "paths", report) {
            if let Some(fields) = inner(&path, "backend", report) {
                backends.extend(backend(&fields, report));
            }
        }
    }
    entrance(object, backends, report)
}

fn backend(fields: &Fields<'_>, report: &mut Report) -> Option<Backend> {
    if let Some(service) = inner(fields, "service", report) {
        let ports = inner(&service, "port", report);
        let number = ports.as_ref().and_then(|ports| ports.get("number"));
        let number = number.and_then(|field| port(field.value, "`number`", report));
        let name = ports.and_then(|ports| word(&ports, "name", report));
        return Some(Backend {
            service: word(&service, "name", report)?,
            port: number.map(PortRef::Number).or(name.map(PortRef::Name)),
            target: None,
        });
    }
    let port = fields.get("servicePort");
    Some(Backend {
        service: word(fields, "serviceName", report)?,
        port: port.and_then(|field| port_ref(field.value, "`servicePort`", report)),
        target: None,
    })
}

/// Reads a `Route`.
pub(crate) fn route(object: &Object<'_>, report: &mut Report) -> Option<Entrance> {
    let spec = object.spec(report)?;
    let target = spec.get("port");
    let target = target.and_then(|field| field.value.get("targetPort"));
    let target = target.filter(|target: &&Node| !target.is_null());
    let target = target.and_then(|node| port_ref(node, "`targetPort`", report));
    let mut services = items(&spec, "alternateBackends", report);
    services.extend(inner(&spec, "to", report));
    let mut backends = Vec::new();
    for fields in services {
        let kind = word(&fields, "kind", report);
        if kind.is_none_or(|kind| kind == "Service")
            && let Some(service) = word(&fields, "name", report)
        {
            backends.push(Backend {
                service,
                port: None,
                target: target.clone(),
            });
        }
    }
    entrance(object, backends, report)
}

fn entrance(
    object: &Object<'_>,
    mut backends: Vec<Backend>,
    report: &mut Report,
) -> Option<Entrance> {
    let metadata = object.metadata(report)?;
    let mut seen = Vec::new();
    backends.retain(|backend| {
        let is_new = !seen.contains(backend);
        if is_new {
            seen.push(backend.clone());
        }
        is_new
    });
    Some(Entrance {
        namespace: metadata.namespace,
        name: metadata.name,
        backends,
        place: report.place(metadata.span),
    })
}
