//! The packets of checks.

use polc_diagnostics::Code;
use polc_model::L4Packet;
use polc_syntax::{Span, ast::L4Term};

use crate::{
    lower::{l4, number},
    sink::Sink,
};

/// The packet that a term names, when it names exactly one.
pub(super) fn lower(term: &L4Term, sink: &mut Sink) -> Option<L4Packet> {
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
        L4Term::NamedPort { protocol, span, .. } => {
            let help = format!("write its number, such as `{} 443`", protocol.text);
            inexact("a packet has a port, which has no name", *span, &help, sink);
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

pub(super) fn inexact(headline: &str, span: Span, help: &str, sink: &mut Sink) {
    sink.report(
        Code::InexactPacket,
        headline,
        span,
        "not one definite packet",
        |_, diagnostic| diagnostic.with_help(help),
    );
}
