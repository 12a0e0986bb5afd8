//! Names in expressions: what they stand for, and what is wrong where they stand for nothing.

use polc_diagnostics::{Code, suggest};
use polc_model::{Entity, SelectorExpr};
use polc_syntax::ast::Name;

use super::{Scope, peers::Typed};
use crate::{
    modules::{self, Reported},
    sink::Sink,
    types::{Kind, PeersType, Value},
};

/// The peers that a name stands for.
pub(super) fn peers(name: &Name, scope: &dyn Scope, sink: &mut Sink) -> Typed {
    if let Some(entity) = entity(&name.text) {
        return Typed {
            expr: SelectorExpr::Entity(entity),
            of: PeersType::Entities,
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
                Kind::Cidr => PeersType::Addresses,
                Kind::Dns => PeersType::Names,
                Kind::Entity => PeersType::Entities,
                _ if is_of_endpoints(expr) => PeersType::Endpoints,
                _ => PeersType::Mixed,
            },
        },
        None if definition.kind.is_peers() => Typed::BROKEN,
        _ => {
            wrong_type(name, definition.kind, "peers", scope, sink);
            Typed::BROKEN
        }
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
        SelectorExpr::Label { .. }
        | SelectorExpr::Namespace(_)
        | SelectorExpr::NamespaceLabel { .. } => true,
        SelectorExpr::NodeLabel { .. } | SelectorExpr::Cidr(_) | SelectorExpr::Dns(_) => false,
        SelectorExpr::AnyOf(parts) => parts.iter().all(is_of_endpoints),
        SelectorExpr::AllOf(parts) => parts.iter().any(is_of_endpoints),
        SelectorExpr::Minus(base, _) => is_of_endpoints(base),
    }
}

fn unknown_name(name: &Name, scope: &dyn Scope, sink: &mut Sink) {
    let words = &polc_syntax::ENTITIES;
    unknown(name, "peers", Kind::is_peers, words, scope, sink, |name| {
        format!("define them: `endpoints {name} = {{ app: \"{name}\" }}`")
    });
}

/// Reports a name that nothing defines, with the nearest name of a kind that would do.
pub(super) fn unknown(
    name: &Name,
    what: &str,
    does: impl Fn(Kind) -> bool,
    words: &[&str],
    scope: &dyn Scope,
    sink: &mut Sink,
    otherwise: impl FnOnce(&str) -> String,
) {
    if modules::report(name, what, scope, sink) == Reported::Yes {
        return;
    }
    let known = scope.places().iter().filter(|(_, (kind, _))| does(*kind));
    let candidates = known.map(|(name, _)| name.as_str());
    let meant = suggest::closest(&name.text, candidates.chain(words.iter().copied()));
    report_unknown(name, what, meant, scope, sink, otherwise);
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
    kind: Kind,
    needed: &str,
    scope: &dyn Scope,
    sink: &mut Sink,
) {
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
            let diagnostic = match scope.places().get(&name.text) {
                Some((_, place)) => diagnostic.with_label(
                    place.clone(),
                    format!("`{}` is defined as `{}` here", name.text, kind.word()),
                ),
                None => diagnostic,
            };
            diagnostic.with_help(format!("{} belong {}", kind.described(), kind.belongs()))
        },
    );
}
