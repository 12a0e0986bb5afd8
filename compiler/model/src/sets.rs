//! The algebra of selector expressions: canonical unions and intersections.

use crate::{Entity, SelectorExpr};

/// The union of expressions. Flat, sorted and without repetition, so that equal unions are equal.
#[must_use]
pub fn union(parts: impl IntoIterator<Item = SelectorExpr>) -> SelectorExpr {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::AnyOf(inner) => flat.extend(inner),
            SelectorExpr::Entity(Entity::None) => {}
            other => flat.push(other),
        }
    }
    flat.sort();
    flat.dedup();
    match flat.pop() {
        None => SelectorExpr::Entity(Entity::None),
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            SelectorExpr::AnyOf(flat)
        }
    }
}

/// The intersection of expressions. Flat, sorted and without repetition.
#[must_use]
pub fn intersection(parts: impl IntoIterator<Item = SelectorExpr>) -> SelectorExpr {
    let mut flat = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::AllOf(inner) => flat.extend(inner),
            SelectorExpr::Entity(Entity::All) => {}
            other => flat.push(other),
        }
    }
    // Labels and namespaces select endpoints already.
    let selects_endpoints = |part: &SelectorExpr| {
        matches!(
            part,
            SelectorExpr::Label { .. }
                | SelectorExpr::Namespace(_)
                | SelectorExpr::NamespaceLabel { .. }
        )
    };
    if flat.iter().any(selects_endpoints) {
        flat.retain(|part| *part != SelectorExpr::Entity(Entity::Endpoints));
    }
    flat.sort();
    flat.dedup();
    match flat.pop() {
        None => SelectorExpr::ALL,
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            SelectorExpr::AllOf(flat)
        }
    }
}

/// The same peers, with all unions and intersections in their one form.
#[must_use]
pub fn canonical(expr: &SelectorExpr) -> SelectorExpr {
    match expr {
        SelectorExpr::AnyOf(parts) => union(parts.iter().map(canonical)),
        SelectorExpr::AllOf(parts) => intersection(parts.iter().map(canonical)),
        SelectorExpr::Minus(base, except) => {
            SelectorExpr::Minus(Box::new(canonical(base)), Box::new(canonical(except)))
        }
        leaf => leaf.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> SelectorExpr {
        SelectorExpr::Cidr(text.parse().unwrap())
    }

    #[test]
    fn unions_do_not_depend_on_order_or_nesting() {
        let one = union([
            cidr("10.0.0.0/8"),
            union([cidr("192.0.2.0/24"), cidr("10.0.0.0/8")]),
        ]);
        let other = union([cidr("192.0.2.0/24"), cidr("10.0.0.0/8")]);
        assert_eq!(one, other);
    }

    #[test]
    fn a_namespace_makes_every_endpoint_redundant() {
        let shop = SelectorExpr::Namespace("shop".to_owned());
        let every = SelectorExpr::Entity(Entity::Endpoints);
        assert_eq!(intersection([every, shop.clone()]), shop);
    }
}
