//! Selectors of endpoints, whose labels say their namespace, too.

use polc_model::{Entity, SelectorExpr, sets};

use super::{
    Scope,
    label::{Key, check_endpoint_key, condition, endpoint_key},
};
use crate::{
    labels::{Conditions, selector_of},
    located::Node,
    report::Report,
};

/// The endpoints that a policy applies to: those of its own namespace.
pub(super) fn subject(
    node: &Node,
    what: &str,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let conditions = selector_of(node, what, check_endpoint_key, report)?;
    // Endpoints whose labels are not known yet have no namespace, either.
    let only = all_of(&conditions, []);
    if matches!(&only, SelectorExpr::Entity(entity) if !matches!(entity, Entity::Endpoints | Entity::All))
    {
        return Some(only);
    }
    // A namespace that such a selector names is the policy's own, or it is not looked at.
    let conditions: Conditions = match scope.namespace {
        Some(_) => {
            let names_namespace = |key: &str| endpoint_key(key) == Key::Namespace;
            let kept = conditions.into_iter();
            kept.filter(|(key, _)| !names_namespace(key)).collect()
        }
        None => conditions,
    };
    let own = scope
        .namespace
        .map(|name| SelectorExpr::Namespace(name.to_owned()));
    Some(match own {
        Some(own) => all_of(&conditions, [own]),
        None => endpoints(&conditions, scope),
    })
}

/// Endpoints as peers: those of the policy's own namespace, unless a label asks for namespaces.
pub(super) fn peer(
    node: &Node,
    what: &str,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let conditions = selector_of(node, what, check_endpoint_key, report)?;
    if asks_for(&conditions, |key| matches!(key, Key::Reserved(_))) {
        return Some(all_of(&conditions, []));
    }
    Some(endpoints(&conditions, scope))
}

/// Conditions that all hold, of endpoints: those of the policy's own namespace where no label asks
/// for namespaces.
fn endpoints(conditions: &Conditions, scope: Scope<'_>) -> SelectorExpr {
    let asks_for_namespace = asks_for(conditions, |key| {
        matches!(key, Key::Namespace | Key::NamespaceLabel(_))
    });
    let own = match scope.namespace {
        _ if asks_for_namespace => None,
        Some(name) => Some(SelectorExpr::Namespace(name.to_owned())),
        None => Some(SelectorExpr::Entity(Entity::Endpoints)),
    };
    all_of(conditions, own)
}

fn asks_for(conditions: &Conditions, is_meant: impl Fn(Key<'_>) -> bool) -> bool {
    conditions
        .iter()
        .any(|(key, _)| is_meant(endpoint_key(key)))
}

fn all_of(
    conditions: &Conditions,
    besides: impl IntoIterator<Item = SelectorExpr>,
) -> SelectorExpr {
    let nobody = SelectorExpr::Entity(Entity::None);
    let conditions = conditions.iter();
    let conditions: Vec<SelectorExpr> = conditions
        .map(|(key, operator)| condition(key, operator))
        .chain(besides)
        .collect();
    match conditions.contains(&nobody) {
        true => nobody,
        false => sets::intersection(conditions),
    }
}
