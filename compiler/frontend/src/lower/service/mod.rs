//! Services.

mod ports;
mod settings;

use std::{net::IpAddr, sync::Arc};

use polc_diagnostics::Code;
use polc_model::{Balance, External, Origin, Selector, ServicePort};
use polc_syntax::{
    Span,
    ast::{self, Completeness, Service},
};

use super::{Scope, peers, policy::repeated, rule};
use crate::{origin::Lines, sink::Sink, types::PeersType};

/// A service that names its backends in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredService {
    pub(crate) name: String,
    pub(crate) file: Arc<str>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ports: Vec<ServicePort>,
    pub(crate) backends: Selector,
    pub(crate) balance: Balance,
    pub(crate) affinity: Option<u32>,
    pub(crate) external: Option<External>,
    pub(crate) doc: Option<String>,
    pub(crate) origin: Origin,
}

/// Lowers a service. `None`, reported, when it could do nothing.
pub(crate) fn lower(
    service: &Service,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Option<LoweredService> {
    incomplete(service, sink);
    let addresses = ports::addresses(service, sink);
    let ports = ports::ports(service, sink);
    let backends = backends(service, scope, lines, sink);
    let lowered = LoweredService {
        name: service.name.text.clone(),
        file: lines.file(),
        balance: settings::balance(service, sink),
        affinity: settings::affinity(service, sink),
        external: settings::external(service, sink),
        doc: service.doc.clone(),
        origin: lines.origin(service.head),
        backends: backends?,
        addresses,
        ports,
    };
    (!lowered.addresses.is_empty() && !lowered.ports.is_empty()).then_some(lowered)
}

fn incomplete(service: &Service, sink: &mut Sink) {
    if service.completeness == Completeness::Broken {
        // What seems to be missing may be in what was not understood.
        return;
    }
    let needed = [
        (
            "address",
            service.addresses.is_empty(),
            "address 10.96.0.20",
        ),
        ("port", service.ports.is_empty(), "port tcp 80 -> 8080"),
    ];
    for (what, is_missing, example) in needed {
        if is_missing {
            lacks(service, what, example, sink);
        }
    }
}

fn lacks(service: &Service, what: &str, example: &str, sink: &mut Sink) {
    sink.report(
        Code::IncompleteService,
        format!("the service `{}` has no `{what}`", service.name.text),
        service.name.span,
        format!("expected `{what}`"),
        |_, diagnostic| diagnostic.with_help(format!("say it, such as `{example}`")),
    );
}

fn backends(
    service: &Service,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Option<Selector> {
    let spans: Vec<Span> = service.backends.iter().map(ast::PeerExpr::span).collect();
    repeated("service", "backends", &spans, sink);
    let Some(expr) = service.backends.first() else {
        if service.completeness == Completeness::Whole {
            lacks(service, "backends", "backends { app: \"cart\" }", sink);
        }
        return None;
    };
    let selector = rule::selector(expr, scope, lines, sink);
    // Where it was looked at already, nothing is reported again.
    let mut silent = Sink::new(&lines.file());
    match peers::lower(expr, scope, &mut silent).of {
        PeersType::Endpoints => Some(selector),
        PeersType::Unknown => None,
        _ => {
            sink.report(
                Code::WrongType,
                "expected endpoints, found other peers",
                expr.span(),
                "not only endpoints",
                |_, diagnostic| {
                    diagnostic
                        .with_help("only endpoints answer for a service: name them by their labels")
                },
            );
            None
        }
    }
}
