//! What plainly follows from selectors: that one implies another, or excludes it.
//!
//! Answers of "yes" are certain; "no" only means that it is not plain to see. `polc_logic` decides
//! exactly, and takes far too long to be asked for every pair of rules; a test compares the two.

use std::collections::{BTreeMap, BTreeSet};

use polc_model::{Entity, LabelOperator, Model, PeerKind, SelectorExpr, SelectorId};

/// Of some selectors, which others each one plainly implies.
#[derive(Debug, Default)]
pub(crate) struct Wider {
    of: BTreeMap<SelectorId, Vec<SelectorId>>,
}

impl Wider {
    /// The most selectors that are compared, each with each.
    const MOST: usize = 512;

    /// Compares the selectors of a class. Of too many it says nothing.
    pub(crate) fn among(model: &Model, selectors: &BTreeSet<SelectorId>) -> Self {
        let mut of: BTreeMap<SelectorId, Vec<SelectorId>> = BTreeMap::new();
        if selectors.len() <= Self::MOST {
            let expr = |id| Some((id, &model.selector(id)?.expr));
            let all: Vec<_> = selectors.iter().copied().filter_map(expr).collect();
            for (narrow, one) in &all {
                for (wide, other) in &all {
                    if narrow != wide && implies(one, other) {
                        of.entry(*narrow).or_default().push(*wide);
                    }
                }
            }
        }
        Self { of }
    }

    /// The selector itself, and those that it implies.
    pub(crate) fn of(&self, selector: SelectorId) -> impl Iterator<Item = SelectorId> {
        let others = self.of.get(&selector).into_iter().flatten().copied();
        [selector].into_iter().chain(others)
    }
}

/// Whether every peer that satisfies `narrow` plainly satisfies `wide`.
#[must_use]
pub fn implies(narrow: &SelectorExpr, wide: &SelectorExpr) -> bool {
    use SelectorExpr::{AllOf, AnyOf, Cidr, Label, Minus, NamespaceLabel, NodeLabel};
    if narrow == wide {
        return true;
    }
    match (narrow, wide) {
        (SelectorExpr::Entity(Entity::None), _) | (_, SelectorExpr::Entity(Entity::All)) => true,
        // Narrow unions and wide intersections have to hold throughout; they are taken apart first.
        (AnyOf(parts), _) => parts.iter().all(|part| implies(part, wide)),
        (_, AllOf(parts)) => parts.iter().all(|part| implies(narrow, part)),
        (_, Minus(base, except)) => implies(narrow, base) && excludes(narrow, except),
        (_, AnyOf(parts)) if parts.iter().any(|part| implies(narrow, part)) => true,
        (AllOf(parts), _) => parts.iter().any(|part| implies(part, wide)),
        (Minus(base, _), _) => implies(base, wide),
        (Cidr(narrow), Cidr(wide)) => wide.contains(&narrow.trunc()),
        (
            Label { key, operator },
            Label {
                key: other,
                operator: wide,
            },
        )
        | (
            NamespaceLabel { key, operator },
            NamespaceLabel {
                key: other,
                operator: wide,
            },
        )
        | (
            NodeLabel { key, operator },
            NodeLabel {
                key: other,
                operator: wide,
            },
        ) => key == other && operator_implies(operator, wide),
        (leaf, SelectorExpr::Entity(entity)) => match kinds(leaf) {
            Some(mut kinds) => kinds.all(|kind| entity.matches(kind)),
            None => false,
        },
        _ => false,
    }
}

/// Whether plainly no peer satisfies both.
#[must_use]
pub fn excludes(one: &SelectorExpr, other: &SelectorExpr) -> bool {
    use SelectorExpr::{AllOf, AnyOf, Cidr, Label, Minus, Namespace, NamespaceLabel, NodeLabel};
    match (one, other) {
        (AnyOf(parts), rest) | (rest, AnyOf(parts)) => {
            parts.iter().all(|part| excludes(part, rest))
        }
        (AllOf(parts), rest) | (rest, AllOf(parts))
            if parts.iter().any(|part| excludes(part, rest)) =>
        {
            true
        }
        (Minus(base, except), rest) | (rest, Minus(base, except))
            if excludes(base, rest) || implies(rest, except) =>
        {
            true
        }
        (Cidr(one), Cidr(other)) => !one.contains(&other.trunc()) && !other.contains(&one.trunc()),
        (Namespace(one), Namespace(other)) => one != other,
        (
            Label { key, operator },
            Label {
                key: other,
                operator: with,
            },
        )
        | (
            NamespaceLabel { key, operator },
            NamespaceLabel {
                key: other,
                operator: with,
            },
        )
        | (
            NodeLabel { key, operator },
            NodeLabel {
                key: other,
                operator: with,
            },
        ) if key == other && operator_excludes(operator, with) => true,
        _ => match (kinds(one), kinds(other)) {
            (Some(mut one), Some(other)) => {
                let other: Vec<PeerKind> = other.collect();
                one.all(|kind| !other.contains(&kind))
            }
            _ => false,
        },
    }
}

/// The kinds of peers that may satisfy a selector that is not made of others. `None` where that does
/// not depend on the kind.
fn kinds(leaf: &SelectorExpr) -> Option<impl Iterator<Item = PeerKind> + use<>> {
    let entity = match leaf {
        SelectorExpr::Entity(Entity::KubeApiserver) => return None,
        SelectorExpr::Entity(entity) => Some(*entity),
        SelectorExpr::Label { .. }
        | SelectorExpr::Namespace(_)
        | SelectorExpr::NamespaceLabel { .. } => Some(Entity::Endpoints),
        SelectorExpr::NodeLabel { .. } => None,
        _ => return None,
    };
    let kinds = PeerKind::ALL.into_iter();
    Some(kinds.filter(move |&kind| entity.map_or(kind.is_node(), |entity| entity.matches(kind))))
}

fn operator_implies(narrow: &LabelOperator, wide: &LabelOperator) -> bool {
    use LabelOperator::{Absent, Exists, In, NotIn};
    match (narrow, wide) {
        (In(some), In(all)) => some.iter().all(|value| all.contains(value)),
        (In(some), NotIn(none)) => !some.iter().any(|value| none.contains(value)),
        (NotIn(all), NotIn(some)) => some.iter().all(|value| all.contains(value)),
        (In(_) | Exists, Exists) | (Absent, Absent | NotIn(_)) => true,
        _ => false,
    }
}

fn operator_excludes(one: &LabelOperator, other: &LabelOperator) -> bool {
    use LabelOperator::{Absent, Exists, In, NotIn};
    match (one, other) {
        (In(some), In(others)) => !some.iter().any(|value| others.contains(value)),
        (In(some), NotIn(none)) | (NotIn(none), In(some)) => {
            some.iter().all(|value| none.contains(value))
        }
        (In(_) | Exists, Absent) | (Absent, In(_) | Exists) => true,
        _ => false,
    }
}
