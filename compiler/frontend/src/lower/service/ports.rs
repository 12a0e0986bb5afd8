//! Addresses and ports of services.

use std::net::IpAddr;

use polc_diagnostics::Code;
use polc_model::ServicePort;
use polc_syntax::{
    Span,
    ast::{self, Name, Service},
};

use crate::{
    lower::{address, l4, number},
    sink::Sink,
};

/// The addresses of a service, sorted.
pub(super) fn addresses(service: &Service, sink: &mut Sink) -> Vec<IpAddr> {
    let mut known: Vec<(IpAddr, Span)> = Vec::new();
    for text in &service.addresses {
        let Some(address) = address::address(text, sink) else {
            continue;
        };
        match known.iter().find(|(other, _)| *other == address) {
            Some((_, first)) => twice(&format!("the address `{address}`"), text.span, *first, sink),
            None => known.push((address, text.span)),
        }
    }
    let mut addresses: Vec<IpAddr> = known.into_iter().map(|(address, _)| address).collect();
    addresses.sort();
    addresses
}

fn twice(what: &str, span: Span, first: Span, sink: &mut Sink) {
    sink.report(
        Code::Duplicate,
        format!("the service has {what} twice"),
        span,
        "again here",
        |sink, diagnostic| diagnostic.with_label(sink.place(first), "first here"),
    );
}

/// The ports of a service, in source order.
pub(super) fn ports(service: &Service, sink: &mut Sink) -> Vec<ServicePort> {
    let mut ports: Vec<(ServicePort, &ast::ServicePort)> = Vec::new();
    for port in &service.ports {
        let Some(lowered) = lower_port(port, sink) else {
            continue;
        };
        let same_name = ports
            .iter()
            .find(|(other, _)| lowered.name.is_some() && other.name == lowered.name);
        let same_port = ports
            .iter()
            .find(|(other, _)| (other.protocol, other.port) == (lowered.protocol, lowered.port));
        match (same_name, same_port) {
            (Some((_, first)), _) => {
                let name = lowered.name.as_deref().unwrap_or_default();
                twice(&format!("a port `{name}`"), port.span, first.span, sink);
            }
            (_, Some((_, first))) => {
                let what = format!("the port `{} {}`", lowered.protocol.name(), lowered.port);
                twice(&what, port.span, first.span, sink);
            }
            _ => ports.push((lowered, port)),
        }
    }
    ports.into_iter().map(|(port, _)| port).collect()
}

fn lower_port(port: &ast::ServicePort, sink: &mut Sink) -> Option<ServicePort> {
    let number = port_number(&port.port, sink)?;
    Some(ServicePort {
        name: port.name.as_ref().map(|name| name.text.clone()),
        protocol: l4::port_protocol(&port.protocol)?,
        port: number,
        target: match &port.target {
            Some(target) => port_number(target, sink)?,
            None => number,
        },
    })
}

/// A port that something can listen on.
pub(super) fn port_number(text: &Name, sink: &mut Sink) -> Option<u16> {
    let number: u16 = number::parse(text, "a port", u16::MAX, sink)?;
    if number == 0 {
        sink.report(
            Code::InvalidNumber,
            "a service has no port `0`",
            text.span,
            format!("expected a number from 1 to {}", u16::MAX),
            |_, diagnostic| diagnostic,
        );
        return None;
    }
    Some(number)
}
