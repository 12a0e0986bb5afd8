//! Ports, ICMP types and protocols.

use polc_diagnostics::{Code, suggest};
use polc_model::{IcmpFamily, L4Match, L4Term, PortProtocol, PortRange, l4::is_port_name};
use polc_syntax::{
    Span,
    ast::{self, L4Expr, Name, Ports},
};

use super::{Scope, icmp, names, number};
use crate::{
    sink::Sink,
    types::{Kind, Value},
};

/// Lowers an expression and checks it. `None` when a part was not understood.
pub(crate) fn lower(expr: &L4Expr, scope: &dyn Scope, sink: &mut Sink) -> Option<L4Match> {
    let mut terms = Vec::new();
    let mut is_any = false;
    let mut is_broken = false;
    for term in &expr.terms {
        match lower_term(term, scope, sink) {
            Some(L4Match::Any) => is_any = true,
            Some(L4Match::Of(of)) => terms.extend(of),
            None => is_broken = true,
        }
    }
    if is_broken || (terms.is_empty() && !is_any) {
        return None;
    }
    if is_any {
        return Some(L4Match::Any);
    }
    terms.sort();
    terms.dedup();
    Some(L4Match::Of(terms))
}

fn lower_term(term: &ast::L4Term, scope: &dyn Scope, sink: &mut Sink) -> Option<L4Match> {
    let one = match term {
        ast::L4Term::Any(_) => return Some(L4Match::Any),
        ast::L4Term::Name(name) => return named(name, scope, sink),
        ast::L4Term::Missing(_) => return None,
        ast::L4Term::Ports {
            protocol, ports, ..
        } => L4Term::Ports {
            protocol: port_protocol(protocol)?,
            ports: match ports {
                Some(ports) => range(ports, sink)?,
                None => PortRange::ALL,
            },
        },
        ast::L4Term::NamedPort { protocol, name, .. } => L4Term::NamedPort {
            protocol: port_protocol(protocol)?,
            name: port_name(name, sink)?,
        },
        ast::L4Term::Icmp {
            family,
            kind,
            code,
            span,
        } => {
            let (kind, code) = message(family, kind.as_ref(), code.as_ref(), *span, sink)?;
            L4Term::Icmp {
                family: icmp_family(family)?,
                kind,
                code,
            }
        }
        ast::L4Term::Protocol { number, .. } => {
            L4Term::Protocol(number::parse(number, "a protocol number", u8::MAX, sink)?)
        }
    };
    Some(L4Match::Of(vec![one]))
}

fn named(name: &Name, scope: &dyn Scope, sink: &mut Sink) -> Option<L4Match> {
    let Some(definition) = scope.definition(&name.text) else {
        let words = &polc_syntax::PORT_WORDS;
        let is_ports = |kind| kind == Kind::Ports;
        names::unknown(name, "ports", is_ports, words, scope, sink, |name| {
            format!("define them: `ports {name} = tcp 443`")
        });
        return None;
    };
    match &definition.value {
        Some(Value::Ports(ports)) => Some(ports.clone()),
        _ if definition.kind == Kind::Ports => None,
        _ => {
            names::wrong_type(name, definition.kind, "ports", scope, sink);
            None
        }
    }
}

/// The protocol of this word.
pub(super) fn port_protocol(word: &Name) -> Option<PortProtocol> {
    PortProtocol::ALL
        .into_iter()
        .find(|protocol| protocol.name() == word.text)
}

/// The ICMP of this word.
pub(super) fn icmp_family(word: &Name) -> Option<IcmpFamily> {
    [IcmpFamily::V4, IcmpFamily::V6]
        .into_iter()
        .find(|family| family.name() == word.text)
}

/// The ports of a term.
pub(super) fn range(ports: &Ports, sink: &mut Sink) -> Option<PortRange> {
    if ports.first.text.starts_with(|c: char| !c.is_ascii_digit()) {
        by_name(&ports.first, sink);
        return None;
    }
    let first: u16 = number::parse(&ports.first, "a port", u16::MAX, sink)?;
    let Some(last) = &ports.last else {
        return Some(PortRange::single(first));
    };
    let last_port: u16 = number::parse(last, "a port", u16::MAX, sink)?;
    if first > last_port {
        sink.report(
            Code::BackwardsRange,
            format!("the port range `{first}..{last_port}` runs backwards"),
            ports.span,
            "contains no port",
            |sink, diagnostic| {
                let turned = format!("{last_port}..{first}");
                diagnostic
                    .with_help(format!("write `{turned}`"))
                    .with_fix(sink.place(ports.span), turned)
            },
        );
        return None;
    }
    Some(PortRange {
        first,
        last: last_port,
    })
}

/// The name of a port, checked.
pub(super) fn port_name(name: &Name, sink: &mut Sink) -> Option<String> {
    if is_port_name(&name.text) {
        return Some(name.text.clone());
    }
    sink.report(
        Code::NotAPort,
        format!("`{}` is not the name of a port", name.text),
        name.span,
        "expected lower-case letters, digits and dashes",
        |_, diagnostic| diagnostic.with_help("the number of a port stands without quotes"),
    );
    None
}

fn by_name(name: &Name, sink: &mut Sink) {
    let word = &name.text;
    sink.report(
        Code::NotAPort,
        format!("expected a port, found `{word}`"),
        name.span,
        "expected a number or a name in quotes",
        |_, diagnostic| {
            diagnostic.with_help(format!(
                "write `\"{word}\"` for the port that the receiver calls so, or define `ports {word} = tcp …` and use it without the protocol"
            ))
        },
    );
}

/// The type and code of an ICMP term, where they are given.
pub(super) fn message(
    family: &Name,
    kind: Option<&Name>,
    code: Option<&Name>,
    span: Span,
    sink: &mut Sink,
) -> Option<(Option<u8>, Option<u8>)> {
    let kind = match kind {
        Some(kind) if kind.text.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(number::parse(kind, "an ICMP type", u8::MAX, sink)?)
        }
        Some(kind) => Some(named_type(icmp_family(family)?, kind, sink)?),
        None => None,
    };
    let Some(code) = code else {
        return Some((kind, None));
    };
    let code_number = number::parse(code, "an ICMP code", u8::MAX, sink)?;
    if kind.is_none() {
        let word = &family.text;
        sink.report(
            Code::CodeWithoutType,
            "an ICMP code has no meaning without a type",
            span,
            "expected the type before `/`",
            |_, diagnostic| {
                diagnostic.with_help(format!(
                    "write the type first, such as `{word} 3/{code_number}`"
                ))
            },
        );
        return None;
    }
    Some((kind, Some(code_number)))
}

fn named_type(family: IcmpFamily, name: &Name, sink: &mut Sink) -> Option<u8> {
    if let Some(number) = icmp::number(family, &name.text) {
        return Some(number);
    }
    let other = icmp::other(family);
    sink.report(
        Code::UnknownIcmpType,
        format!("`{}` is not a type of {}", name.text, family.name()),
        name.span,
        "expected the name or number of a type",
        |sink, diagnostic| {
            if icmp::number(other, &name.text).is_some() {
                return diagnostic.with_help(format!(
                    "it is a type of `{}`: write `{} {}`",
                    other.name(),
                    other.name(),
                    name.text
                ));
            }
            match suggest::closest(&name.text, icmp::names(family)) {
                Some(meant) => diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant),
                None => {
                    let names: Vec<String> = icmp::names(family)
                        .map(|name| format!("`{name}`"))
                        .collect();
                    diagnostic.with_help(format!("the names are {}", names.join(", ")))
                }
            }
        },
    );
    None
}
