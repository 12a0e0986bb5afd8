//! `toPorts`: ports, and what is looked at beyond them.

use polc_diagnostics::Code;
use polc_model::{L4Match, L4Term, L7Match, PortProtocol, PortRange};

use super::{dns, fqdn, http, section::Section, unsupported};
use crate::{
    labels::one_of,
    located::{Node, Scalar, Span},
    names::{PORT_RULE, is_port_name},
    network_policy::ports::{integer, named_range},
    reader::{Field, Fields, backwards, list, missing, text, wrong_type},
    report::Report,
};

/// The most items of `ports`.
const MAX_PORTS: usize = 40;

const PROTOCOLS: [&str; 8] = [
    "TCP", "UDP", "SCTP", "ANY", "ICMP", "ICMPV6", "VRRP", "IGMP",
];

/// On what something is decided.
#[derive(Clone)]
pub(super) struct On {
    pub(super) l4: L4Match,
    pub(super) l7: Option<L7Match>,
}

/// Reads `toPorts`: what each of its items is about, if that was understood. `None` where it has none.
pub(super) fn read(node: &Node, section: &Section, report: &mut Report) -> Option<Vec<Option<On>>> {
    let items = list(node, "`toPorts`", report).unwrap_or_default();
    let read = items.iter().map(|item| read_item(item, section, report));
    (!items.is_empty()).then(|| read.collect())
}

fn read_item(node: &Node, section: &Section, report: &mut Report) -> Option<On> {
    let what = "an item of `toPorts`";
    let known: &[&str] = match section.denies() {
        true => &["ports"],
        false => &[
            "ports",
            "rules",
            "serverNames",
            "listener",
            "terminatingTLS",
            "originatingTLS",
        ],
    };
    let fields = Fields::of(node, what, known, report)?;
    let mut is_supported = true;
    for name in ["listener", "terminatingTLS", "originatingTLS"] {
        if let Some(field) = fields.get(name) {
            unsupported(&format!("`{name}`"), field.key, report);
            is_supported = false;
        }
    }
    let l4 = ports(&fields, what, report);
    let l7 = requests(&fields, l4.as_ref(), section, report);
    let (mut l4, l7) = (l4?, l7?);
    if let (L4Match::Of(terms), Some(L7Match::Dns(_))) = (&mut l4, &l7) {
        terms.retain(|term| !is_sctp(term));
    }
    is_supported.then_some(On { l4, l7 })
}

fn ports(fields: &Fields<'_>, what: &str, report: &mut Report) -> Option<L4Match> {
    let field = fields.get("ports");
    let items = match field {
        Some(field) => list(field.value, "`ports`", report)?,
        None => &[],
    };
    let Some(field) = field.filter(|_| !items.is_empty()) else {
        missing(&format!("{what} needs `ports`"), fields.span, report);
        return None;
    };
    if items.len() > MAX_PORTS {
        report.invalid(
            format!("`ports` has more than {MAX_PORTS} items"),
            field.key,
            "expected fewer",
        );
        return None;
    }
    let read: Vec<Option<L4Match>> = items.iter().map(|item| port(item, report)).collect();
    let mut terms = Vec::new();
    for one in read.into_iter().collect::<Option<Vec<L4Match>>>()? {
        match one {
            L4Match::Any => return Some(L4Match::Any),
            L4Match::Of(more) => terms.extend(more),
        }
    }
    terms.sort();
    terms.dedup();
    Some(L4Match::Of(terms))
}

/// An item of `ports`. Every port of every protocol is everything, as for Cilium.
fn port(node: &Node, report: &mut Report) -> Option<L4Match> {
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

/// What of a connection is looked at. `None` where that was not understood, `Some(None)` for nothing.
fn requests(
    fields: &Fields<'_>,
    l4: Option<&L4Match>,
    section: &Section,
    report: &mut Report,
) -> Option<Option<L7Match>> {
    let of_rules = match fields.get("rules") {
        Some(field) => rules(field, l4, section, report),
        None => Some(None),
    };
    let Some(field) = fields.get("serverNames") else {
        return of_rules;
    };
    let names = server_names(field, l4, report);
    match (of_rules?, names?) {
        (None, names) => Some(names),
        (rules, None) => Some(rules),
        (Some(_), Some(_)) => {
            report.add(
                Code::ExclusiveFields,
                "`serverNames` and `rules` do not stand in one item",
                field.key,
                "a TLS connection here, and what is inside it elsewhere",
                |_, one| one.with_help("that takes `terminatingTLS`, which is not supported"),
            );
            None
        }
    }
}

fn rules(
    field: Field<'_>,
    l4: Option<&L4Match>,
    section: &Section,
    report: &mut Report,
) -> Option<Option<L7Match>> {
    let known = ["http", "dns", "kafka", "l7proto", "l7"];
    let fields = Fields::of(field.value, "`rules`", &known, report)?;
    let given: Vec<(&str, Field<'_>)> = known
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)))
        .filter(|(_, field)| !matches!(&field.value.value, crate::located::Value::Sequence(items) if items.is_empty()))
        .collect();
    let (name, first) = match given.as_slice() {
        [] => return Some(None),
        [(name, field), ..] => (*name, *field),
    };
    if let Some((other, second)) = given.get(1).filter(|(other, _)| *other != "l7") {
        report.add(
            Code::ExclusiveFields,
            format!("`{name}` and `{other}` do not stand in one item"),
            second.key,
            "one protocol here",
            |report, one| {
                one.with_label(report.place(first.key), "another here")
                    .with_help("make them two items of `toPorts`")
            },
        );
        return None;
    }
    let items = match name {
        "l7proto" => &[],
        _ => list(first.value, &format!("`{name}`"), report)?,
    };
    match name {
        "http" => {
            let requests = http::read(items, report);
            let is_possible = is_tcp(l4, "HTTP", first.key, report);
            requests.filter(|_| is_possible).map(Some)
        }
        "dns" => {
            let names = dns::read(items, report);
            let is_possible = section.direction == polc_model::Direction::Egress;
            if !is_possible {
                let label = "queries leave an endpoint";
                report.invalid("`dns` stands in `egress` only", first.key, label);
            }
            let has_ports = has_dns_ports(l4, first.key, report);
            names.filter(|_| is_possible && has_ports).map(Some)
        }
        _ => {
            unsupported(&format!("`{name}`"), first.key, report);
            None
        }
    }
}

fn server_names(
    field: Field<'_>,
    l4: Option<&L4Match>,
    report: &mut Report,
) -> Option<Option<L7Match>> {
    let items = list(field.value, "`serverNames`", report)?;
    if items.is_empty() {
        return Some(None);
    }
    let names: Vec<Option<String>> = items
        .iter()
        .map(|item| {
            let written = text(item, "an item of `serverNames`", report)?;
            fqdn::pattern(written, item, report)
        })
        .collect();
    let mut names = names.into_iter().collect::<Option<Vec<String>>>()?;
    names.sort();
    names.dedup();
    is_tcp(l4, "TLS", field.key, report).then_some(Some(L7Match::Sni(names)))
}

/// Whether only ports of TCP are meant, which is reported if not.
fn is_tcp(l4: Option<&L4Match>, what: &str, span: Span, report: &mut Report) -> bool {
    let Some(l4) = l4 else { return false };
    let is_tcp_port = |term: &L4Term| match term {
        L4Term::Ports { protocol, ports } => {
            *protocol == PortProtocol::Tcp && *ports != PortRange::ALL
        }
        L4Term::NamedPort { protocol, .. } => *protocol == PortProtocol::Tcp,
        L4Term::Icmp { .. } | L4Term::Protocol(_) => false,
    };
    let found = match l4 {
        L4Match::Any => "every protocol".to_owned(),
        L4Match::Of(terms) => match terms.iter().find(|term| !is_tcp_port(term)) {
            None => return true,
            Some(other) => format!("`{other}`"),
        },
    };
    report.add(
        Code::NotTcp,
        format!("{what} runs over tcp, found {found}"),
        span,
        "needs `protocol: TCP` and a port other than `0`",
        |_, one| one,
    );
    false
}

/// Whether single ports are meant, over which names are asked for.
fn has_dns_ports(l4: Option<&L4Match>, span: Span, report: &mut Report) -> bool {
    let Some(l4) = l4 else { return false };
    let is_port = |term: &L4Term| match term {
        L4Term::Ports { protocol, ports } => {
            *protocol != PortProtocol::Sctp && ports.first == ports.last
        }
        L4Term::NamedPort { protocol, .. } => *protocol != PortProtocol::Sctp,
        L4Term::Icmp { .. } | L4Term::Protocol(_) => false,
    };
    let is_fit = matches!(l4, L4Match::Of(terms)
        if terms.iter().any(is_port) && terms.iter().all(|term| is_port(term) || is_sctp(term)));
    if !is_fit {
        let label = "expected single ports of `UDP`, `TCP` or `ANY`";
        report.invalid("names are asked for on single ports", span, label);
    }
    is_fit
}

/// Whether ports of SCTP are meant: they come with `ANY`, and nobody asks for names there.
const fn is_sctp(term: &L4Term) -> bool {
    matches!(
        term,
        L4Term::Ports {
            protocol: PortProtocol::Sctp,
            ..
        } | L4Term::NamedPort {
            protocol: PortProtocol::Sctp,
            ..
        }
    )
}
