//! Peer expressions.

use polc_diagnostics::{Code, suggest};
use polc_model::{Entity, SelectorExpr};
use polc_syntax::{
    Span,
    ast::{ChainOperator, Name, PeerExpr},
};

use super::{Scope, address, labels, sets};
use crate::{
    sink::Sink,
    types::{PeersType, Value},
};

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
        PeerExpr::Name(name) => named(name, scope, sink),
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

fn named(name: &Name, scope: &dyn Scope, sink: &mut Sink) -> Typed {
    if let Some(entity) = entity(&name.text) {
        return Typed {
            expr: SelectorExpr::Entity(entity),
            of: PeersType::Mixed,
        };
    }
    let Some(definition) = scope.definition(&name.text) else {
        unknown_name(name, scope, sink);
        return Typed::BROKEN;
    };
    match &definition.value {
        Some(Value::Peers(expr)) => Typed {
            expr: expr.clone(),
            of: match definition.kind {
                crate::types::Kind::Cidr => PeersType::Addresses,
                _ if is_of_endpoints(expr) => PeersType::Endpoints,
                _ => PeersType::Mixed,
            },
        },
        Some(Value::Ports(_)) => {
            wrong_type(name, "peers", "after `on`", scope, sink);
            Typed::BROKEN
        }
        None if definition.kind == crate::types::Kind::Ports => {
            wrong_type(name, "peers", "after `on`", scope, sink);
            Typed::BROKEN
        }
        None => Typed::BROKEN,
    }
}

/// The entity of this name.
pub(crate) fn entity(name: &str) -> Option<Entity> {
    // `endpoints` is a word of the grammar; the set of all of them is written `{}`.
    Entity::ALL
        .into_iter()
        .filter(|entity| *entity != Entity::Endpoints)
        .find(|entity| entity.name() == name)
}

fn is_of_endpoints(expr: &SelectorExpr) -> bool {
    match expr {
        SelectorExpr::Entity(entity) => *entity == Entity::Endpoints,
        SelectorExpr::Label { .. } | SelectorExpr::Namespace(_) => true,
        SelectorExpr::Cidr(_) => false,
        SelectorExpr::AnyOf(parts) => parts.iter().all(is_of_endpoints),
        SelectorExpr::AllOf(parts) => parts.iter().any(is_of_endpoints),
        SelectorExpr::Minus(base, _) => is_of_endpoints(base),
    }
}

fn unknown_name(name: &Name, scope: &dyn Scope, sink: &mut Sink) {
    let candidates = scope
        .places()
        .iter()
        .filter(|(_, (kind, _))| *kind != crate::types::Kind::Ports)
        .map(|(name, _)| name.as_str())
        .chain(polc_syntax::ENTITIES);
    let meant = suggest::closest(&name.text, candidates);
    report_unknown(name, "peers", meant, scope, sink, |name| {
        format!("define them: `endpoints {name} = {{ app: \"{name}\" }}`")
    });
}

/// Reports a name that nothing defines.
pub(super) fn report_unknown(
    name: &Name,
    what: &str,
    meant: Option<&str>,
    scope: &dyn Scope,
    sink: &mut Sink,
    otherwise: impl FnOnce(&str) -> String,
) {
    sink.report(
        Code::UnknownName,
        format!("unknown {what} `{}`", name.text),
        name.span,
        "nothing in this package has this name",
        |sink, diagnostic| match meant {
            Some(meant) => {
                let diagnostic = diagnostic
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_fix(sink.place(name.span), meant);
                match scope.places().get(meant) {
                    Some((_, place)) => {
                        diagnostic.with_label(place.clone(), format!("`{meant}` is defined here"))
                    }
                    None => diagnostic,
                }
            }
            None => diagnostic.with_help(otherwise(&name.text)),
        },
    );
}

/// Reports a name of another type than is needed.
pub(super) fn wrong_type(
    name: &Name,
    needed: &str,
    belongs: &str,
    scope: &dyn Scope,
    sink: &mut Sink,
) {
    let Some((kind, place)) = scope.places().get(&name.text) else {
        return;
    };
    sink.report(
        Code::WrongType,
        format!(
            "expected {needed}, found {} `{}`",
            kind.described(),
            name.text
        ),
        name.span,
        format!("these are {}", kind.described()),
        |_, diagnostic| {
            diagnostic
                .with_label(
                    place.clone(),
                    format!("`{}` is defined as `{}` here", name.text, kind.word()),
                )
                .with_help(format!("{} belong {belongs}", kind.described()))
        },
    );
}

fn in_namespace(
    base: &PeerExpr,
    namespaces: &[Name],
    span: Span,
    scope: &dyn Scope,
    sink: &mut Sink,
) -> Typed {
    let typed = lower(base, scope, sink);
    if typed.of == PeersType::Addresses {
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
    let conditions = namespaces
        .iter()
        .map(|name| SelectorExpr::Namespace(name.text.clone()));
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
