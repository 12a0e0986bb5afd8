//! Ports, ICMP types and protocols.

use pest::iterators::Pair;

use super::{Rule, child, name, span, text_in};
use crate::ast::{L4Expr, L4Term, Name, Ports};

pub(super) fn expr(pair: &Pair<'_, Rule>) -> L4Expr {
    L4Expr {
        terms: pair
            .clone()
            .into_inner()
            .filter(|inner| inner.as_rule() != Rule::l4_sep)
            .map(|inner| term(&inner))
            .collect(),
        span: span(pair),
    }
}

pub(super) fn term(pair: &Pair<'_, Rule>) -> L4Term {
    let place = span(pair);
    match pair.as_rule() {
        Rule::any_term => L4Term::Any(place),
        Rule::port_term if child(pair, Rule::quoted_port).is_some() => L4Term::NamedPort {
            protocol: word(pair, Rule::port_protocol),
            name: child(pair, Rule::quoted_port)
                .and_then(|name| text_in(&name))
                .unwrap_or_default(),
            span: place,
        },
        Rule::port_term => L4Term::Ports {
            protocol: word(pair, Rule::port_protocol),
            ports: child(pair, Rule::port_range)
                .or_else(|| child(pair, Rule::named_port))
                .map(|range| ports(&range)),
            span: place,
        },
        Rule::icmp_term => L4Term::Icmp {
            family: word(pair, Rule::icmp_family),
            kind: child(pair, Rule::icmp_kind).and_then(|kind| first(&kind)),
            code: child(pair, Rule::icmp_code).and_then(|code| first(&code)),
            span: place,
        },
        Rule::protocol_term => L4Term::Protocol {
            number: word(pair, Rule::number),
            span: place,
        },
        Rule::l4_name => first(pair).map_or(L4Term::Missing(place), L4Term::Name),
        _ => L4Term::Missing(place),
    }
}

fn ports(pair: &Pair<'_, Rule>) -> Ports {
    let mut numbers = pair
        .clone()
        .into_inner()
        .filter(|inner| matches!(inner.as_rule(), Rule::number | Rule::ident))
        .map(|number| name(&number));
    Ports {
        first: numbers.next().unwrap_or_default(),
        last: numbers.next(),
        span: span(pair),
    }
}

fn word(pair: &Pair<'_, Rule>, rule: Rule) -> Name {
    child(pair, rule)
        .map(|inner| name(&inner))
        .unwrap_or_default()
}

fn first(pair: &Pair<'_, Rule>) -> Option<Name> {
    pair.clone()
        .into_inner()
        .find(|inner| matches!(inner.as_rule(), Rule::number | Rule::ident | Rule::path))
        .map(|inner| name(&inner))
}
