//! What of a connection is looked at: `rules` and `serverNames`.

use polc_diagnostics::Code;
use polc_model::{Direction, L4Match, L4Term, L7Match, PortProtocol, PortRange};

use super::is_sctp;
use crate::{
    cilium::{dns, fqdn, http, section::Section, unsupported},
    located::{Span, Value},
    reader::{Field, Fields, list, text},
    report::Report,
};

/// What of a connection is looked at. `None` where that was not understood, `Some(None)` for nothing.
pub(super) fn read(
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
        .filter(
            |(_, field)| !matches!(&field.value.value, Value::Sequence(items) if items.is_empty()),
        )
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
            let is_possible = section.direction == Direction::Egress;
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
