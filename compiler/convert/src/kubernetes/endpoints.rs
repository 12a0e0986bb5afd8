//! Endpoints, as selectors of objects say them: labels, and labels or the name of their namespace.

use polc_model::{Entity, LabelOperator, SelectorExpr};

/// A condition on a label.
pub(super) type Condition<'e> = (&'e str, &'e LabelOperator);

/// Endpoints with labels.
#[derive(Default)]
pub(super) struct Endpoints<'e> {
    pub(super) labels: Vec<Condition<'e>>,
    /// The one namespace that they are in.
    pub(super) namespace: Option<&'e str>,
    /// Of their namespaces.
    pub(super) namespace_labels: Vec<Condition<'e>>,
}

impl<'e> Endpoints<'e> {
    /// `None` where it is said in other words.
    pub(super) fn of(expr: &'e SelectorExpr) -> Option<Self> {
        let parts = match expr {
            SelectorExpr::Entity(Entity::Endpoints) => return Some(Self::default()),
            SelectorExpr::AllOf(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut endpoints = Self::default();
        for part in parts {
            match part {
                SelectorExpr::Label { key, operator } => endpoints.labels.push((key, operator)),
                SelectorExpr::NamespaceLabel { key, operator } => {
                    endpoints.namespace_labels.push((key, operator));
                }
                SelectorExpr::Namespace(name) if endpoints.namespace.is_none() => {
                    endpoints.namespace = Some(name);
                }
                _ => return None,
            }
        }
        Some(endpoints)
    }
}
