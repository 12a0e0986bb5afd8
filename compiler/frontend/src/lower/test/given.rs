//! The endpoints that a test imagines.

use polc_diagnostics::Code;
use polc_model::{
    Labels, NamedPort, NamedPorts, Phase, PortRange, TestEndpoint, selector::NAMESPACE_NAME_LABEL,
};
use polc_syntax::ast::{Given, L4Term, LabelSet, LabelTest};

use crate::{
    lower::{Scope, address, l4, labels},
    origin::Lines,
    sink::Sink,
};

pub(super) fn lower(
    given: &Given,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> TestEndpoint {
    for condition in &given.labels.conditions {
        labels::check_label(&condition.key, condition.test.values(), scope, sink);
    }
    let namespace = given.namespace.as_ref().map(|name| name.text.clone());
    let mut namespace_labels = definite(&given.namespace_labels, given, sink);
    if let Some(name) = &namespace {
        let key = NAMESPACE_NAME_LABEL.to_owned();
        namespace_labels.entry(key).or_insert_with(|| name.clone());
    }
    TestEndpoint {
        name: given.name.text.clone(),
        phase: phase(given, sink),
        labels: definite(&given.labels, given, sink),
        namespace_labels,
        namespace,
        addresses: given
            .addresses
            .iter()
            .filter_map(|text| address::address(text, sink))
            .collect(),
        ports: ports(given, sink),
        origin: lines.origin(given.span),
    }
}

/// The named ports.
fn ports(given: &Given, sink: &mut Sink) -> NamedPorts {
    let mut of = NamedPorts::new();
    for (name, term) in &given.ports {
        let Some(port_name) = l4::port_name(name, sink) else {
            continue;
        };
        if of.contains_key(&port_name) {
            sink.report(
                Code::InexactPacket,
                format!("`{}` has two ports called `{port_name}`", given.name.text),
                name.span,
                "a name stands for one port",
                |_, diagnostic| diagnostic,
            );
            continue;
        }
        if let Some(port) = one_port(&port_name, term, sink) {
            of.insert(port_name, port);
        }
    }
    of
}

/// The port that a term names, when it names exactly one.
fn one_port(name: &str, term: &L4Term, sink: &mut Sink) -> Option<NamedPort> {
    let (protocol, range, span) = match term {
        L4Term::Ports {
            protocol,
            ports: Some(ports),
            span,
        } => (protocol, l4::range(ports, sink)?, *span),
        L4Term::Ports { protocol, span, .. } | L4Term::NamedPort { protocol, span, .. } => {
            (protocol, PortRange::ALL, *span)
        }
        _ => return None,
    };
    let protocol = l4::port_protocol(protocol)?;
    if range.first == range.last {
        let port = range.first;
        return Some(NamedPort { protocol, port });
    }
    sink.report(
        Code::InexactPacket,
        format!("`{name}` stands for one port"),
        span,
        "not one port",
        |_, diagnostic| diagnostic.with_help(format!("write `{} 8080`", protocol.name())),
    );
    None
}

/// Whether the labels are known. Where they are not, the namespace is not either.
fn phase(given: &Given, sink: &mut Sink) -> Phase {
    let Some(init) = &given.init else {
        return Phase::Ready;
    };
    if given.namespace.is_some() || !given.namespace_labels.conditions.is_empty() {
        sink.report(
            Code::InexactPacket,
            format!("`{}` is in `init`, and has a namespace", given.name.text),
            init.span,
            "of such an endpoint nothing but its addresses is known",
            |_, diagnostic| diagnostic.with_help("leave out the namespace, or write `{}`"),
        );
    }
    Phase::Init
}

/// The labels of a set in which every condition names one value.
fn definite(set: &LabelSet, given: &Given, sink: &mut Sink) -> Labels {
    let mut of = Labels::new();
    for condition in &set.conditions {
        let key = &condition.key.text;
        match &condition.test {
            LabelTest::Is(value) if of.contains_key(key) => sink.report(
                Code::InexactPacket,
                format!("`{}` has two values for the label `{key}`", given.name.text),
                value.span,
                "an endpoint has one value for each label",
                |_, diagnostic| diagnostic,
            ),
            LabelTest::Is(value) => {
                of.insert(key.clone(), value.text.clone());
            }
            LabelTest::Missing => {}
            _ => sink.report(
                Code::InexactPacket,
                format!(
                    "`{}` is one endpoint, and this is a condition",
                    given.name.text
                ),
                condition.span,
                "expected a label and its value",
                |_, diagnostic| diagnostic.with_help(format!("write `{key}: \"…\"`")),
            ),
        }
    }
    of
}
