//! Peer expressions.

use polc_diagnostics::Code;
use polc_model::{Entity, Selector, SelectorExpr};
use polc_syntax::{
    Span,
    ast::{ChainOperator, NamespaceExpr, PeerExpr},
};

use super::{Scope, address, dns, labels, names, sets, size};
use crate::{sink::Sink, types::PeersType};

/// A peer expression and its type.
pub(crate) struct Typed {
    pub(crate) expr: SelectorExpr,
    pub(crate) of: PeersType,
}

impl Typed {
    /// Nothing, where something was not understood.
    pub(crate) const BROKEN: Self = Self {
        expr: SelectorExpr::Entity(Entity::None),
        of: PeersType::Unknown,
    };

    pub(crate) fn is_broken(&self) -> bool {
        self.of == PeersType::Unknown
    }
}

/// Lowers an expression and checks it.
pub(crate) fn lower(expr: &PeerExpr, scope: &dyn Scope, sink: &mut Sink) -> Typed {
    match expr {
        PeerExpr::Labels(set) => Typed {
            expr: labels::lower(set, scope, sink),
            of: PeersType::Endpoints,
        },
        PeerExpr::Address(text) => match address::block(text, sink) {
            Some(block) => Typed {
                expr: SelectorExpr::Cidr(block),
                of: PeersType::Addresses,
            },
            None => Typed::BROKEN,
        },
        PeerExpr::NamespaceLabels(set) => Typed {
            expr: sets::intersection(labels::of_namespace(set, sink)),
            of: PeersType::Endpoints,
        },
        PeerExpr::NodeLabels(set) => Typed {
            expr: labels::of_nodes(set, sink),
            of: PeersType::Entities,
        },
        PeerExpr::Dns(text) => match dns::pattern(text, sink) {
            Some(pattern) => Typed {
                expr: SelectorExpr::Dns(pattern),
                of: PeersType::Names,
            },
            None => Typed::BROKEN,
        },
        PeerExpr::Name(name) => names::peers(name, scope, sink),
        PeerExpr::In {
            base,
            namespaces,
            span,
        } => in_namespace(base, namespaces, *span, scope, sink),
        PeerExpr::Union { parts, .. } => {
            let parts: Vec<Typed> = parts.iter().map(|part| lower(part, scope, sink)).collect();
            let of = parts
                .iter()
                .map(|part| part.of)
                .reduce(PeersType::union)
                .unwrap_or(PeersType::Unknown);
            Typed {
                expr: sets::union(parts.into_iter().map(|part| part.expr)),
                of,
            }
        }
        PeerExpr::Chain { first, rest, .. } => chain(first, rest, scope, sink),
        PeerExpr::Missing(_) => Typed::BROKEN,
    }
}

fn in_namespace(
    base: &PeerExpr,
    namespaces: &[NamespaceExpr],
    span: Span,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Typed {
    let typed = lower(base, scope, sink);
    if matches!(typed.of, PeersType::Addresses | PeersType::Names) {
        sink.report(
            Code::WrongType,
            "addresses have no namespace",
            base.span(),
            "these are addresses",
            |sink, diagnostic| {
                diagnostic
                    .with_label(sink.place(span), "only endpoints are in a namespace")
                    .with_help("leave out `in namespace`, or name endpoints")
            },
        );
        return Typed::BROKEN;
    }
    let mut conditions = Vec::new();
    for namespace in namespaces {
        match namespace {
            NamespaceExpr::Name(name) => {
                conditions.push(SelectorExpr::Namespace(name.text.clone()));
            }
            NamespaceExpr::Labels(set) => conditions.extend(labels::of_namespace(set, sink)),
        }
    }
    Typed {
        expr: sets::intersection(std::iter::once(typed.expr).chain(conditions)),
        of: typed.of.intersection(PeersType::Endpoints),
    }
}

/// `a & b - c & d - e` is what all of `a`, `b` and `d` contain and none of `c` and `e`.
fn chain(
    first: &PeerExpr,
    rest: &[(ChainOperator, PeerExpr)],
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Typed {
    let start = lower(first, scope, sink);
    let mut of = start.of;
    let mut all = vec![start.expr];
    let mut none: Vec<SelectorExpr> = Vec::new();
    let mut span = first.span();
    for (operator, part) in rest {
        let typed = lower(part, scope, sink);
        match operator {
            ChainOperator::And => {
                of = of.intersection(typed.of);
                all.push(typed.expr);
            }
            ChainOperator::Minus => {
                let is_known = of != PeersType::Unknown && !typed.is_broken();
                if is_known && let [base] = all.as_slice() {
                    sets::check_exception(base, span, &typed.expr, part.span(), sink);
                }
                if typed.is_broken() {
                    of = PeersType::Unknown;
                }
                none.push(typed.expr);
            }
        }
        span = span.to(part.span());
    }
    let base = sets::intersection(all);
    Typed {
        expr: if none.is_empty() {
            base
        } else {
            SelectorExpr::Minus(Box::new(base), Box::new(sets::union(none)))
        },
        of,
    }
}

/// Lowers an expression, unless it is larger than a Model holds.
pub(super) fn bounded(expr: &PeerExpr, scope: &dyn Scope, sink: &mut Sink) -> Typed {
    let typed = lower(expr, scope, sink);
    if !size::is_too_large(&typed.expr) {
        return typed;
    }
    sink.report(
        Code::TooDeep,
        "this expression is nested too deeply",
        expr.span(),
        "with the definitions that it uses",
        |_, diagnostic| diagnostic.with_help("say it with fewer sets inside sets"),
    );
    Typed::BROKEN
}

/// Where the source leaves peers out; a syntax error was reported.
pub(super) fn nothing() -> Selector {
    Selector {
        expr: SelectorExpr::Entity(Entity::None),
        text: Entity::None.name().to_owned(),
    }
}
