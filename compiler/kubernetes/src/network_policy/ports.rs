//! Items of `ports`: protocol, port or its name, and the end of a range.

use polc_diagnostics::Code;
use polc_model::{L4Match, L4Term, PortProtocol, PortRange};

use crate::{
    labels::one_of,
    located::{Node, Scalar, Span},
    names::{PORT_RULE, is_port_name},
    reader::{Field, Fields, backwards, list, text, wrong_type},
    report::Report,
};

const KNOWN: [&str; 3] = ["protocol", "port", "endPort"];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

enum Port {
    Number(u16),
    Name(String),
}

/// Reads a list of ports. An empty one matches everything. `None` where an item was not understood.
pub(super) fn read(node: &Node, report: &mut Report) -> Option<L4Match> {
    let items = list(node, "`ports`", report)?;
    if items.is_empty() {
        return Some(L4Match::Any);
    }
    // Every item is read, so that every mistake is reported.
    let terms: Vec<Option<L4Term>> = items.iter().map(|item| term(item, report)).collect();
    let mut terms = terms.into_iter().collect::<Option<Vec<L4Term>>>()?;
    terms.sort();
    terms.dedup();
    Some(L4Match::Of(terms))
}

fn term(node: &Node, report: &mut Report) -> Option<L4Term> {
    let fields = Fields::of(node, "an item of `ports`", &KNOWN, report)?;
    let protocol = match fields.get("protocol") {
        Some(field) => protocol(field.value, report),
        None => Some(PortProtocol::Tcp),
    };
    let port_field = fields.get("port");
    let port = port_field.map(|field| port(field.value, report));
    let end_field = fields.get("endPort");
    let end = end_field.map(|field| number(field.value, "`endPort`", report));
    let Some(port) = port else {
        if let Some(end) = end_field {
            report.add(
                Code::MissingField,
                "`endPort` needs `port`",
                end.key,
                "the end of a range without a beginning",
                |_, one| one,
            );
            return None;
        }
        return Some(L4Term::Ports {
            protocol: protocol?,
            ports: PortRange::ALL,
        });
    };
    match (port?, end) {
        (Port::Name(name), None) => Some(L4Term::NamedPort {
            protocol: protocol?,
            name,
        }),
        (Port::Name(_), Some(_)) => {
            named_range(end_field, port_field, report);
            None
        }
        (Port::Number(first), end) => {
            let last = end.unwrap_or(Some(first))?;
            if last < first {
                if let (Some(start), Some(end)) = (port_field, end_field) {
                    backwards((first, start), (last, end), report);
                }
                return None;
            }
            Some(L4Term::Ports {
                protocol: protocol?,
                ports: PortRange { first, last },
            })
        }
    }
}

/// A protocol with ports.
pub(crate) fn protocol(node: &Node, report: &mut Report) -> Option<PortProtocol> {
    let word = text(node, "`protocol`", report)?;
    match word {
        "TCP" => Some(PortProtocol::Tcp),
        "UDP" => Some(PortProtocol::Udp),
        "SCTP" => Some(PortProtocol::Sctp),
        _ => {
            one_of(word, node.span, "protocol", &PROTOCOLS, report);
            None
        }
    }
}

fn port(node: &Node, report: &mut Report) -> Option<Port> {
    let Some(Scalar::Text(name)) = node.scalar() else {
        return number(node, "`port`", report).map(Port::Number);
    };
    if is_port_name(name) {
        return Some(Port::Name(name.to_owned()));
    }
    let headline = format!("`{name}` is not the name of a port");
    let label = format!("expected {PORT_RULE}");
    report.add(
        Code::NotAPort,
        headline,
        node.span,
        label,
        |report, one| match name.parse::<u16>() {
            Ok(number) if number > 0 => one
                .with_help(format!("for the number, write `{number}` without quotes"))
                .with_fix(report.place(node.span), number.to_string()),
            _ => one,
        },
    );
    None
}

/// A port's number.
pub(crate) fn number(node: &Node, what: &str, report: &mut Report) -> Option<u16> {
    let Some(Scalar::Number(written)) = node.scalar() else {
        wrong_type(node, what, "a number", report);
        return None;
    };
    let headline = match integer(written) {
        Some(number) if (1..=65535).contains(&number) => return u16::try_from(number).ok(),
        Some(_) => format!("`{written}` is not a port"),
        None => format!("`{written}` is not a whole number in decimal digits"),
    };
    invalid_number(headline, node.span, report);
    None
}

/// A number as people write ports. A leading zero makes it octal for some readers of YAML.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits == "0" || !digits.starts_with('0');
    let is_digits = digits.chars().all(|c| c.is_ascii_digit());
    (is_plain && is_digits).then(|| text.parse().unwrap_or(i64::MAX))
}

fn invalid_number(headline: String, span: Span, report: &mut Report) {
    let label = "expected a number from 1 to 65535";
    report.add(Code::InvalidNumber, headline, span, label, |_, one| one);
}

pub(crate) fn named_range(end: Option<Field<'_>>, port: Option<Field<'_>>, report: &mut Report) {
    let (Some(end), Some(port)) = (end, port) else {
        return;
    };
    report.add(
        Code::ExclusiveFields,
        "a named port does not begin a range",
        end.key,
        "the end of a range",
        |report, one| {
            one.with_label(report.place(port.value.span), "begins with a name")
                .with_help("write `port` as a number")
        },
    );
}
