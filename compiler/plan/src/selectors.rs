//! What is plain to see of a selector.

use polc_model::{Entity, SelectorExpr};

/// Whether an expression holds for every peer or for none, where that is plain to see. Such
/// selectors need no bit.
#[must_use]
pub(crate) fn constant(expr: &SelectorExpr) -> Option<bool> {
    match expr {
        SelectorExpr::Entity(Entity::All) => Some(true),
        SelectorExpr::Entity(Entity::None) => Some(false),
        SelectorExpr::AnyOf(parts) => fold(parts, true),
        SelectorExpr::AllOf(parts) => fold(parts, false),
        SelectorExpr::Minus(base, except) => match (constant(base), constant(except)) {
            (Some(false), _) | (_, Some(true)) => Some(false),
            (base, Some(false)) => base,
            _ => None,
        },
        _ => None,
    }
}

/// A union (`absorbing` is true) or intersection (`absorbing` is false) of constants.
fn fold(parts: &[SelectorExpr], absorbing: bool) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match constant(part) {
            Some(value) if value == absorbing => return Some(absorbing),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!absorbing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found_through_set_operations() {
        let all = SelectorExpr::ALL;
        let none = SelectorExpr::Entity(Entity::None);
        let world = SelectorExpr::Entity(Entity::World);
        let minus = |one: &SelectorExpr, other: &SelectorExpr| {
            SelectorExpr::Minus(Box::new(one.clone()), Box::new(other.clone()))
        };
        assert_eq!(
            constant(&SelectorExpr::AnyOf(vec![world.clone(), all.clone()])),
            Some(true)
        );
        assert_eq!(
            constant(&SelectorExpr::AllOf(vec![world.clone(), none.clone()])),
            Some(false)
        );
        assert_eq!(constant(&SelectorExpr::AnyOf(Vec::new())), Some(false));
        assert_eq!(constant(&minus(&all, &none)), Some(true));
        assert_eq!(constant(&minus(&world, &all)), Some(false));
        assert_eq!(constant(&minus(&all, &world)), None);
    }
}
