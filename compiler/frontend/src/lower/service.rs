//! Services.

use std::{net::IpAddr, sync::Arc};

use polc_diagnostics::{Code, suggest};
use polc_model::{Balance, External, ExternalPolicy, Origin, Selector, ServicePort};
use polc_syntax::{
    Span,
    ast::{self, Affinity, Completeness, Name, Service},
};

use super::{Scope, address, l4, number, peers, policy::repeated, rule};
use crate::{origin::Lines, sink::Sink, types::PeersType};

/// How long a client keeps its backend where `affinity` does not say: three hours.
const DEFAULT_AFFINITY: u32 = 3 * 60 * 60;
/// The longest, as Kubernetes defines it: a day.
const MAX_AFFINITY: u32 = 24 * 60 * 60;

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
    let addresses = addresses(service, sink);
    let ports = ports(service, sink);
    let backends = backends(service, scope, lines, sink);
    let lowered = LoweredService {
        name: service.name.text.clone(),
        file: lines.file(),
        balance: balance(service, sink),
        affinity: affinity(service, sink),
        external: external(service, sink),
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

fn addresses(service: &Service, sink: &mut Sink) -> Vec<IpAddr> {
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

fn ports(service: &Service, sink: &mut Sink) -> Vec<ServicePort> {
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

fn port_number(text: &Name, sink: &mut Sink) -> Option<u16> {
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

fn balance(service: &Service, sink: &mut Sink) -> Balance {
    let spans: Vec<Span> = service.balances.iter().map(|word| word.span).collect();
    repeated("service", "balance", &spans, sink);
    let Some(word) = service.balances.first() else {
        return Balance::default();
    };
    let known = Balance::ALL.into_iter().find(|one| one.name() == word.text);
    known.unwrap_or_else(|| {
        unknown(
            word,
            "way to balance",
            &Balance::ALL.map(Balance::name),
            sink,
        );
        Balance::default()
    })
}

/// Reports a word that is none of the few that have a meaning.
fn unknown(word: &Name, what: &str, words: &[&str], sink: &mut Sink) {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    sink.report(
        Code::UnknownSetting,
        format!("unknown {what} `{}`", word.text),
        word.span,
        format!("expected {}", quoted.join(" or ")),
        |sink, diagnostic| match suggest::closest(&word.text, words.iter().copied()) {
            Some(meant) => diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(sink.place(word.span), meant),
            None => diagnostic,
        },
    );
}

fn affinity(service: &Service, sink: &mut Sink) -> Option<u32> {
    let spans: Vec<Span> = service.affinities.iter().map(|one| one.span).collect();
    repeated("service", "affinity", &spans, sink);
    let Affinity { by, duration, .. } = service.affinities.first()?;
    if by.text != "client_ip" {
        unknown(by, "affinity", &["client_ip"], sink);
        return None;
    }
    match duration {
        Some(text) => seconds(text, sink),
        None => Some(DEFAULT_AFFINITY),
    }
}

fn seconds(text: &Name, sink: &mut Sink) -> Option<u32> {
    let digits = text
        .text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.text.strip_prefix(digits).unwrap_or_default();
    let factor = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let number: Option<u32> = digits.parse().ok();
    let seconds = number
        .zip(factor)
        .and_then(|(one, other)| one.checked_mul(other));
    let label = match (factor, seconds) {
        (None, _) => "expected a number and `s`, `m`, `h` or `d`",
        (_, Some(1..=MAX_AFFINITY)) => return seconds,
        _ => "expected from one second to one day",
    };
    sink.report(
        Code::InvalidDuration,
        format!("`{}` is not how long a client keeps its backend", text.text),
        text.span,
        label,
        |_, diagnostic| diagnostic.with_help("write a duration such as `30m` or `3h`"),
    );
    None
}

fn external(service: &Service, sink: &mut Sink) -> Option<External> {
    let spans: Vec<Span> = service.externals.iter().map(|one| one.span).collect();
    repeated("service", "external", &spans, sink);
    let external = service.externals.first()?;
    let policy = external
        .policy
        .as_ref()
        .map_or(ExternalPolicy::default(), |word| {
            let known = ExternalPolicy::ALL
                .into_iter()
                .find(|one| one.name() == word.text);
            known.unwrap_or_else(|| {
                unknown(
                    word,
                    "policy",
                    &ExternalPolicy::ALL.map(ExternalPolicy::name),
                    sink,
                );
                ExternalPolicy::default()
            })
        });
    let Some(node_port) = &external.node_port else {
        if service.completeness == Completeness::Whole {
            lacks(service, "node_port", "external node_port 30080", sink);
        }
        return None;
    };
    let node_port = port_number(node_port, sink)?;
    if service.ports.len() > 1 {
        sink.report(
            Code::IncompleteService,
            "a service with several ports cannot have one `node_port`",
            external.span,
            "for which of the ports?",
            |_, diagnostic| {
                diagnostic
                    .with_help("make a service of its own of the port that is reached from outside")
            },
        );
        return None;
    }
    Some(External { node_port, policy })
}
