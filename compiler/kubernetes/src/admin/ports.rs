//! Items of `ports`: numbers, ranges and names.

use polc_model::{L4Match, L4Term, PortProtocol, PortRange};

use super::{Form, Limits, items, rules::L4};
use crate::{
    located::{Node, Span},
    names::{PORT_RULE, is_port_name},
    network_policy::ports::{number, protocol},
    reader::{Field, Fields, backwards, text},
    report::Report,
};

/// Reads a list of ports. `None` where an item was not understood.
pub(super) fn read(field: Field<'_>, form: Form, report: &mut Report) -> Option<L4> {
    let limits = Limits {
        least: 1,
        most: form.most(),
    };
    let items = items(field, "ports", limits, report)?;
    collect(items.iter().map(|item| port(item, form, report)).collect())
}

/// What an item says.
pub(super) enum Item {
    Range(PortProtocol, PortRange),
    /// On whichever protocol the port of that name has.
    Named(String, Span),
}

/// The union of items, where all were understood.
pub(super) fn collect(items: Vec<Option<Item>>) -> Option<L4> {
    let mut terms = Vec::new();
    let mut first = None;
    for item in items {
        match item? {
            Item::Range(protocol, ports) => terms.push(L4Term::Ports { protocol, ports }),
            Item::Named(name, span) => {
                let of = |protocol| L4Term::NamedPort {
                    protocol,
                    name: name.clone(),
                };
                terms.extend(PortProtocol::ALL.map(of));
                first.get_or_insert((name, span));
            }
        }
    }
    terms.sort();
    terms.dedup();
    Some(L4 {
        matches: L4Match::Of(terms),
        named: first,
    })
}

fn port(node: &Node, form: Form, report: &mut Report) -> Option<Item> {
    let what = "an item of `ports`";
    let known = ["portNumber", "portRange", "namedPort"];
    let fields = Fields::of(node, what, &known, report)?;
    let (name, field) = fields.exactly_one(what, &known, report)?;
    if name == "namedPort" {
        return named(field, "`namedPort`", report);
    }
    let what = format!("`{name}`");
    let known: &[&str] = match name {
        "portNumber" => &["protocol", "port"],
        _ => &["protocol", "start", "end"],
    };
    let fields = Fields::of(field.value, &what, known, report)?;
    let protocol = match fields.get("protocol") {
        Some(field) => protocol(field.value, report),
        None => Some(PortProtocol::Tcp),
    };
    let ports = match name {
        "portNumber" => {
            let field = fields.required("port", &what, report);
            let port = field.and_then(|field| number(field.value, "`port`", report));
            port.map(|port| PortRange {
                first: port,
                last: port,
            })
        }
        _ => range(&fields, &what, form, report),
    };
    Some(Item::Range(protocol?, ports?))
}

/// `start` and `end`, which is more in a ClusterNetworkPolicy and not less in the others.
pub(super) fn range(
    fields: &Fields<'_>,
    what: &str,
    form: Form,
    report: &mut Report,
) -> Option<PortRange> {
    let start = fields.required("start", what, report);
    let end = fields.required("end", what, report);
    let first = start.and_then(|field| number(field.value, "`start`", report));
    let last = end.and_then(|field| number(field.value, "`end`", report));
    let ((start, first), (end, last)) = (start.zip(first)?, end.zip(last)?);
    if first == last && form == Form::Cluster {
        report.invalid(
            format!("the range {first} to {last} is one port"),
            end.value.span,
            "expected more than `start`",
        );
        return None;
    }
    if last < first {
        backwards((first, start), (last, end), report);
        return None;
    }
    Some(PortRange { first, last })
}

/// The name of a port.
pub(super) fn named(field: Field<'_>, what: &str, report: &mut Report) -> Option<Item> {
    let name = text(field.value, what, report)?;
    if !is_port_name(name) {
        // The API server takes any text here. No port has such a name.
        let headline = format!("`{name}` is not the name of a port");
        report.invalid(headline, field.value.span, format!("expected {PORT_RULE}"));
        return None;
    }
    Some(Item::Named(name.to_owned(), field.key))
}
