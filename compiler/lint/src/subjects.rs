//! Which policies may select the same endpoints. Comparing each policy with each takes too long in
//! a large package, and most differ in a namespace or a label that both require.

use std::collections::{BTreeMap, BTreeSet};

use polc_model::{LabelOperator, Model, PolicyId, SelectorExpr};

/// Policies by the namespace that their subjects require.
#[derive(Default)]
pub(crate) struct Subjects<'a> {
    /// Those that require none.
    anywhere: ByLabel<'a>,
    by_namespace: BTreeMap<&'a str, ByLabel<'a>>,
}

/// Policies by the first label that their subjects require.
#[derive(Default)]
struct ByLabel<'a> {
    /// Those that require none.
    anyone: Vec<PolicyId>,
    /// By key, then by value.
    by_label: BTreeMap<&'a str, BTreeMap<&'a str, Vec<PolicyId>>>,
}

impl<'a> Subjects<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let mut subjects = Self::default();
        for (id, policy) in model.policies_with_ids() {
            let expr = model
                .selector(policy.subject)
                .map(|selector| &selector.expr);
            let of_namespace = match expr.and_then(required_namespace) {
                Some(namespace) => subjects.by_namespace.entry(namespace).or_default(),
                None => &mut subjects.anywhere,
            };
            of_namespace.add(id, expr);
        }
        subjects
    }

    /// Policies that are not plain to select other endpoints than the expression does, in order.
    pub(crate) fn near(&self, expr: Option<&SelectorExpr>) -> Vec<PolicyId> {
        let required: BTreeSet<(&str, &str)> = expr
            .map(required_labels)
            .unwrap_or_default()
            .into_iter()
            .collect();
        let mut near = Vec::new();
        self.anywhere.near(&required, &mut near);
        match expr.and_then(required_namespace) {
            Some(namespace) => {
                if let Some(of_namespace) = self.by_namespace.get(namespace) {
                    of_namespace.near(&required, &mut near);
                }
            }
            None => {
                for of_namespace in self.by_namespace.values() {
                    of_namespace.near(&required, &mut near);
                }
            }
        }
        near.sort_unstable();
        near
    }
}

impl<'a> ByLabel<'a> {
    fn add(&mut self, id: PolicyId, subject: Option<&'a SelectorExpr>) {
        match subject.map(required_labels).unwrap_or_default().first() {
            Some(&(key, value)) => {
                let of_key = self.by_label.entry(key).or_default();
                of_key.entry(value).or_default().push(id);
            }
            None => self.anyone.push(id),
        }
    }

    /// Adds the policies that endpoints with the required labels may have.
    fn near(&self, required: &BTreeSet<(&str, &str)>, near: &mut Vec<PolicyId>) {
        near.extend(&self.anyone);
        for (key, by_value) in &self.by_label {
            let mut is_required = false;
            for (_, value) in required.iter().filter(|(required, _)| required == key) {
                is_required = true;
                near.extend(by_value.get(value).into_iter().flatten());
            }
            if !is_required {
                near.extend(by_value.values().flatten());
            }
        }
    }
}

/// The namespace that whoever satisfies the expression is in, as far as is plain to see.
fn required_namespace(expr: &SelectorExpr) -> Option<&str> {
    match expr {
        SelectorExpr::Namespace(name) => Some(name),
        SelectorExpr::AllOf(parts) => parts.iter().find_map(required_namespace),
        SelectorExpr::Minus(base, _) => required_namespace(base),
        _ => None,
    }
}

/// Labels that whoever satisfies the expression has, as far as is plain to see.
fn required_labels(expr: &SelectorExpr) -> Vec<(&str, &str)> {
    match expr {
        SelectorExpr::Label {
            key,
            operator: LabelOperator::In(values),
        } => match &values[..] {
            [only] => vec![(key, only)],
            _ => Vec::new(),
        },
        SelectorExpr::AllOf(parts) => parts.iter().flat_map(required_labels).collect(),
        SelectorExpr::Minus(base, _) => required_labels(base),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::harness;

    #[test]
    fn policies_for_other_labels_are_not_near() {
        let database = harness::database(
            "package p\npolicy a for { app: \"a\" } {}\npolicy b for { app: \"b\" } {}\npolicy c for {} {}\npolicy d for { tier: \"d\" } {}\n",
        );
        let model = database.analyze().model;
        let subjects = super::Subjects::new(&model);
        let near = |name: &str| {
            let policy = model
                .policies
                .iter()
                .find(|policy| policy.name == name)
                .unwrap();
            let ids = subjects.near(model.selector(policy.subject).map(|one| &one.expr));
            let names = ids
                .into_iter()
                .map(|id| model.policy(id).unwrap().name.as_str());
            names.collect::<String>()
        };
        assert_eq!(near("a"), "acd");
        assert_eq!(near("c"), "abcd");
        assert_eq!(near("d"), "abcd", "an endpoint may have both labels");
    }
}
