//! An item of `ports`: protocol, port or its name, and the end of a range.

use polc_diagnostics::Code;
use polc_model::{L4Match, L4Term, PortProtocol, PortRange};

use crate::{
    labels::one_of,
    located::{Node, Scalar, Span},
    names::{PORT_RULE, is_port_name},
    network_policy::ports::{integer, named_range},
    reader::{Fields, backwards, text, wrong_type},
    report::Report,
};

const PROTOCOLS: [&str; 8] = [
    "TCP", "UDP", "SCTP", "ANY", "ICMP", "ICMPV6", "VRRP", "IGMP",
];

/// Reads an item. Every port of every protocol is everything, as for Cilium.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<L4Match> {
    let what = "an item of `ports`";
    let fields = Fields::of(node, what, &["port", "endPort", "protocol"], report)?;
    let protocols = match fields.get("protocol") {
        Some(field) => protocols(field.value, report),
        None => Some(Protocols::Any),
    };
    let port_field = fields.required("port", what, report);
    let written = port_field.and_then(|field| number_or_name(field.value, report));
    let end_field = fields.get("endPort");
    let end = end_field.map(|field| end_port(field.value, report));
    let (protocols, written) = (protocols?, written?);
    let ports = match written {
        Written::Name(name) => {
            if end.is_some() {
                named_range(end_field, port_field, report);
                return None;
            }
            let name = |protocol| L4Term::NamedPort {
                protocol,
                name: name.clone(),
            };
            let terms = protocols.with_ports(node.span, report)?;
            return Some(L4Match::Of(terms.into_iter().map(name).collect()));
        }
        Written::Number(0) => match protocols {
            Protocols::Any => return Some(L4Match::Any),
            Protocols::Number(number) => {
                return Some(L4Match::Of(vec![L4Term::Protocol(number)]));
            }
            Protocols::One(_) => PortRange::ALL,
        },
        Written::Number(first) => {
            let last = match end {
                Some(end) => end?,
                None => 0,
            };
            if last != 0 && last < first {
                if let (Some(port), Some(end)) = (port_field, end_field) {
                    backwards((first, port), (last, end), report);
                }
                return None;
            }
            let last = last.max(first);
            PortRange { first, last }
        }
    };
    let of = |protocol| L4Term::Ports { protocol, ports };
    let terms = protocols.with_ports(node.span, report)?;
    Some(L4Match::Of(terms.into_iter().map(of).collect()))
}

#[derive(Clone, Copy)]
enum Protocols {
    Any,
    One(PortProtocol),
    /// One without ports.
    Number(u8),
}

impl Protocols {
    /// Those of which ports are meant.
    fn with_ports(self, span: Span, report: &mut Report) -> Option<Vec<PortProtocol>> {
        match self {
            Self::Any => Some(PortProtocol::ALL.into()),
            Self::One(protocol) => Some(vec![protocol]),
            Self::Number(_) => {
                let label = "expected `port: \"0\"`";
                report.invalid("this protocol has no ports", span, label);
                None
            }
        }
    }
}

fn protocols(node: &Node, report: &mut Report) -> Option<Protocols> {
    let word = text(node, "`protocol`", report)?;
    Some(match word {
        "ANY" | "" => Protocols::Any,
        "TCP" => Protocols::One(PortProtocol::Tcp),
        "UDP" => Protocols::One(PortProtocol::Udp),
        "SCTP" => Protocols::One(PortProtocol::Sctp),
        "VRRP" => Protocols::Number(112),
        "IGMP" => Protocols::Number(2),
        "ICMP" | "ICMPV6" => {
            report.add(
                Code::Unsupported,
                format!("the protocol `{word}` beside ports is not supported yet"),
                node.span,
                "has types, not ports",
                |_, one| one.with_help("name the types in `icmps`"),
            );
            return None;
        }
        _ => {
            one_of(word, node.span, "protocol", &PROTOCOLS, report);
            return None;
        }
    })
}

enum Written {
    /// 0 is every port.
    Number(u16),
    Name(String),
}

/// A port: text, also where it is a number.
fn number_or_name(node: &Node, report: &mut Report) -> Option<Written> {
    let written = text(node, "`port`", report)?;
    if written.chars().all(|c| c.is_ascii_digit()) {
        let number = integer(written).and_then(|number| u16::try_from(number).ok());
        if number.is_none() {
            invalid_number(written, node.span, report);
        }
        return number.map(Written::Number);
    }
    let name = written.to_ascii_lowercase();
    if is_port_name(&name) {
        return Some(Written::Name(name));
    }
    report.add(
        Code::NotAPort,
        format!("`{written}` is neither a port nor the name of one"),
        node.span,
        format!("expected a number from 0 to 65535, or {PORT_RULE}"),
        |_, one| one,
    );
    None
}

/// The end of a range; 0 is none.
fn end_port(node: &Node, report: &mut Report) -> Option<u16> {
    let Some(Scalar::Number(written)) = node.scalar() else {
        wrong_type(node, "`endPort`", "a number", report);
        return None;
    };
    let number = integer(written).and_then(|number| u16::try_from(number).ok());
    if number.is_none() {
        invalid_number(written, node.span, report);
    }
    number
}

fn invalid_number(written: &str, span: Span, report: &mut Report) {
    let headline = format!("`{written}` is not a port");
    let label = "expected a number from 0 to 65535";
    report.add(Code::InvalidNumber, headline, span, label, |_, one| one);
}
