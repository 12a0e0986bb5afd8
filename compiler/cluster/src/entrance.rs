//! What lets traffic into the cluster: `Ingress`, and `Route` of OpenShift.

use std::collections::BTreeSet;

use polc_diagnostics::Place;
use polc_kubernetes::{located::Node, reader::Fields, report::Report};

use crate::{
    PortRef, Service, ServicePort,
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
    /// Where the service is named.
    pub place: Place,
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
            place: place(&service, "name", report)?,
        });
    }
    let port = fields.get("servicePort");
    Some(Backend {
        service: word(fields, "serviceName", report)?,
        port: port.and_then(|field| port_ref(field.value, "`servicePort`", report)),
        target: None,
        place: place(fields, "serviceName", report)?,
    })
}

/// Where the value of a field is.
fn place(fields: &Fields<'_>, name: &str, report: &Report) -> Option<Place> {
    Some(report.place(fields.get(name)?.value.span))
}

impl Backend {
    /// The ports of its service that get traffic.
    pub fn ports_of<'s>(&self, service: &'s Service) -> impl Iterator<Item = &'s ServicePort> {
        service.ports.iter().filter(|&port| {
            let has = |wanted: &PortRef| service.port(wanted) == Some(port);
            self.port.as_ref().is_none_or(has)
                // A Route names the port of the service, or of its pods.
                && (self.target.as_ref()).is_none_or(|wanted| port.target == *wanted || has(wanted))
        })
    }
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
            backends.extend(place(&fields, "name", report).map(|place| Backend {
                service,
                port: None,
                target: target.clone(),
                place,
            }));
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
    let mut seen = BTreeSet::new();
    backends.retain(|one| {
        let what = (one.service.clone(), one.port.clone(), one.target.clone());
        seen.insert(what)
    });
    Some(Entrance {
        namespace: metadata.namespace,
        name: metadata.name,
        backends,
        place: report.place(metadata.span),
    })
}
