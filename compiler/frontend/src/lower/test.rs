//! Tests: their endpoints and their checks.

use std::net::IpAddr;

use polc_diagnostics::{Code, suggest};
use polc_model::{IcmpFamily, L4Packet, Labels, Origin, Party, TestEndpoint};
use polc_syntax::ast::{self, Given, L4Term, LabelTest, Name, Outcome};

use super::{Scope, address, l4, labels, number};
use crate::{origin::Lines, sink::Sink};

/// A test whose policies are named, because ids belong to a whole package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredTest {
    pub(crate) name: String,
    pub(crate) endpoints: Vec<TestEndpoint>,
    pub(crate) checks: Vec<LoweredCheck>,
    pub(crate) origin: Origin,
}

/// A check of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoweredCheck {
    pub(crate) source: Party,
    pub(crate) destination: Party,
    pub(crate) l4: L4Packet,
    pub(crate) outcome: Outcome,
    pub(crate) by: Option<String>,
    pub(crate) origin: Origin,
}

pub(crate) fn lower<'a>(
    test: &ast::Test,
    scope: &dyn Scope,
    policies: &dyn Fn() -> &'a [String],
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> LoweredTest {
    let mut endpoints: Vec<TestEndpoint> = Vec::new();
    for (index, given) in test.givens.iter().enumerate() {
        let name = &given.name;
        let mut earlier = test.givens.iter().take(index);
        let twin = earlier.find(|other| other.name.text == name.text);
        match twin {
            _ if name.is_missing() => continue,
            _ if name.text == "host" => sink.report(
                Code::ReservedName,
                "`host` already has a meaning",
                name.span,
                "in a test, the node of the endpoint at the other end",
                |_, diagnostic| diagnostic.with_help("give the endpoint another name"),
            ),
            Some(twin) => {
                sink.report(
                    Code::Duplicate,
                    format!("the test defines `{}` twice", name.text),
                    name.span,
                    "defined again here",
                    |sink, diagnostic| {
                        diagnostic.with_label(sink.place(twin.name.span), "first defined here")
                    },
                );
            }
            None => endpoints.push(lower_given(given, scope, lines, sink)),
        }
    }
    let parties = Parties {
        endpoints: &endpoints,
        test,
    };
    let checks = test
        .checks
        .iter()
        .filter_map(|check| lower_check(check, &parties, policies, lines, sink))
        .collect();
    LoweredTest {
        name: test.name.text.clone(),
        checks,
        origin: lines.origin(test.name.span),
        endpoints,
    }
}

fn lower_given(
    given: &Given,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> TestEndpoint {
    let mut of = Labels::new();
    for condition in &given.labels.conditions {
        labels::check_label(&condition.key, condition.test.values(), scope, sink);
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
    TestEndpoint {
        name: given.name.text.clone(),
        labels: of,
        namespace_labels: Labels::new(),
        namespace: given.namespace.as_ref().map(|name| name.text.clone()),
        addresses: given
            .addresses
            .iter()
            .filter_map(|text| address::address(text, sink))
            .collect(),
        origin: lines.origin(given.span),
    }
}

struct Parties<'a> {
    endpoints: &'a [TestEndpoint],
    test: &'a ast::Test,
}

impl Parties<'_> {
    fn resolve(&self, party: &ast::Party, sink: &mut Sink) -> Option<Party> {
        let name = match party {
            ast::Party::Address(text) => {
                return address::address(text, sink).map(Party::Address);
            }
            ast::Party::Name(name) => name,
        };
        if let Some(index) = self.position(name) {
            return Some(Party::Endpoint(index));
        }
        if name.text == "host" {
            return Some(Party::Host);
        }
        let known = self.endpoints.iter().map(|endpoint| endpoint.name.as_str());
        let meant = suggest::closest(&name.text, known.chain(["host"]));
        sink.report(
            Code::UnknownParty,
            format!("the test has no endpoint `{}`", name.text),
            name.span,
            "not defined by a `given` of this test",
            |sink, mut diagnostic| {
                let Some(meant) = meant else {
                    return diagnostic.with_help(format!(
                        "define it: `given {} = endpoint {{ app: \"…\" }}`",
                        name.text
                    ));
                };
                let mut givens = self.test.givens.iter();
                if let Some(given) = givens.find(|given| given.name.text == meant) {
                    let place = sink.place(given.name.span);
                    diagnostic = diagnostic.with_label(place, format!("`{meant}` is defined here"));
                }
                diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant)
            },
        );
        None
    }

    fn position(&self, name: &Name) -> Option<usize> {
        self.endpoints
            .iter()
            .position(|endpoint| endpoint.name == name.text)
    }

    /// The addresses that a party is known to have.
    fn addresses(&self, party: Party) -> Vec<IpAddr> {
        match party {
            Party::Address(address) => vec![address],
            Party::Endpoint(index) => self
                .endpoints
                .get(index)
                .map(|endpoint| endpoint.addresses.clone())
                .unwrap_or_default(),
            Party::Name(_) | Party::Host => Vec::new(),
        }
    }
}

fn lower_check<'a>(
    check: &ast::Check,
    parties: &Parties<'_>,
    policies: &dyn Fn() -> &'a [String],
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> Option<LoweredCheck> {
    let source = parties.resolve(&check.source, sink);
    let destination = check
        .destination
        .as_ref()
        .and_then(|party| parties.resolve(party, sink));
    let l4 = check.packet.as_ref().and_then(|term| packet(term, sink));
    let by = check.by.as_ref().filter(|name| !name.is_missing());
    if let Some(name) = by
        && !policies().contains(&name.text)
    {
        let meant = suggest::closest(&name.text, policies().iter().map(String::as_str));
        sink.report(
            Code::UnknownName,
            format!("unknown policy `{}`", name.text),
            name.span,
            "no policy of this package has this name",
            |sink, diagnostic| match meant {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant),
                None => diagnostic,
            },
        );
        return None;
    }
    let lowered = LoweredCheck {
        source: source?,
        destination: destination?,
        l4: l4?,
        outcome: check.outcome?,
        by: by.map(|name| name.text.clone()),
        origin: lines.origin(check.span),
    };
    is_meaningful(check, &lowered, parties, sink).then_some(lowered)
}

fn is_meaningful(
    check: &ast::Check,
    lowered: &LoweredCheck,
    parties: &Parties<'_>,
    sink: &mut Sink,
) -> bool {
    let ends = [lowered.source, lowered.destination];
    if !ends.iter().any(|party| matches!(party, Party::Endpoint(_))) {
        sink.report(
            Code::NoEndpoint,
            "neither end of this flow is an endpoint",
            check.span,
            "no policy speaks about it",
            |_, diagnostic| {
                diagnostic.with_help("put an endpoint that a `given` defines at one end")
            },
        );
        return false;
    }
    // The family that each part of the check needs: `Some(true)` is IPv6.
    let packet = match lowered.l4 {
        L4Packet::Icmp(family, ..) => Some(family == IcmpFamily::V6),
        _ => None,
    };
    let families = [true, false].map(|is_v6| {
        let has = |party: &Party| {
            let addresses = parties.addresses(*party);
            addresses.is_empty() || addresses.iter().any(|address| address.is_ipv6() == is_v6)
        };
        ends.iter().all(has) && packet.is_none_or(|needed| needed == is_v6)
    });
    if families == [false, false] {
        sink.report(
            Code::FamilyMismatch,
            "this flow mixes IPv4 and IPv6",
            check.span,
            "no packet is of both",
            |_, diagnostic| {
                diagnostic.with_help("use addresses and ICMP of one family at both ends")
            },
        );
        return false;
    }
    true
}

/// The packet that a term names, when it names exactly one.
fn packet(term: &L4Term, sink: &mut Sink) -> Option<L4Packet> {
    match term {
        L4Term::Ports {
            protocol,
            ports: Some(ports),
            span,
        } => {
            let range = l4::range(ports, sink)?;
            if range.first != range.last {
                let help = format!(
                    "write one port, such as `{} {}`",
                    protocol.text, range.first
                );
                inexact("a packet has one destination port", *span, &help, sink);
                return None;
            }
            Some(L4Packet::Port(l4::port_protocol(protocol)?, range.first))
        }
        L4Term::Ports { protocol, span, .. } => {
            let help = format!("write the port, such as `{} 443`", protocol.text);
            inexact("a packet has a destination port", *span, &help, sink);
            None
        }
        L4Term::Icmp {
            family,
            kind,
            code,
            span,
        } => {
            let (of_kind, of_code) =
                l4::message(family, kind.as_ref(), code.as_ref(), *span, sink)?;
            let is_named = kind
                .as_ref()
                .is_some_and(|kind| !kind.text.starts_with(|c: char| c.is_ascii_digit()));
            match (of_kind, of_code) {
                (Some(kind), Some(code)) => {
                    Some(L4Packet::Icmp(l4::icmp_family(family)?, kind, code))
                }
                // A name stands for the plain message of its type.
                (Some(kind), None) if is_named => {
                    Some(L4Packet::Icmp(l4::icmp_family(family)?, kind, 0))
                }
                (Some(kind), _) => {
                    let help = format!("write both, such as `{} {kind}/0`", family.text);
                    inexact("a packet has an ICMP code", *span, &help, sink);
                    None
                }
                (None, _) => {
                    let help = format!("write both, such as `{} echo_request`", family.text);
                    inexact("a packet has an ICMP type and code", *span, &help, sink);
                    None
                }
            }
        }
        L4Term::Protocol { number, span } => {
            let number: u8 = number::parse(number, "a protocol number", u8::MAX, sink)?;
            let named = match number {
                1 => Some("icmp echo_request"),
                6 => Some("tcp 443"),
                17 => Some("udp 53"),
                58 => Some("icmpv6 echo_request"),
                132 => Some("sctp 5000"),
                _ => None,
            };
            if let Some(example) = named {
                let help = format!("use its name, such as `{example}`");
                inexact("a packet of this protocol shows more", *span, &help, sink);
                return None;
            }
            Some(L4Packet::Protocol(number))
        }
        L4Term::Any(_) | L4Term::Name(_) | L4Term::Missing(_) => None,
    }
}

fn inexact(headline: &str, span: polc_syntax::Span, help: &str, sink: &mut Sink) {
    sink.report(
        Code::InexactPacket,
        headline,
        span,
        "not one definite packet",
        |_, diagnostic| diagnostic.with_help(help),
    );
}
