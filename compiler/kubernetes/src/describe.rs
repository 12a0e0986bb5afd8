//! Selectors in words: those of the language, which people know from `.pol` files.

use polc_model::{Entity, LabelOperator, SelectorExpr};

use crate::labels::Conditions;

/// `{ app: "web", tier != "data" }`.
pub(crate) fn labels(conditions: &Conditions) -> String {
    if conditions.is_empty() {
        return "{}".to_owned();
    }
    let parts: Vec<String> = conditions
        .iter()
        .map(|(key, operator)| condition(key, operator))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

/// An expression as a `.pol` file says it.
pub(crate) fn selector(expr: &SelectorExpr) -> String {
    match expr {
        SelectorExpr::Entity(Entity::Endpoints) => "{}".to_owned(),
        SelectorExpr::Entity(entity) => entity.name().to_owned(),
        SelectorExpr::Label { key, operator } => format!("{{ {} }}", condition(key, operator)),
        SelectorExpr::Namespace(name) => format!("{{}} in namespace \"{name}\""),
        SelectorExpr::NamespaceLabel { key, operator } => {
            format!("namespace {{ {} }}", condition(key, operator))
        }
        SelectorExpr::NodeLabel { key, operator } => {
            format!("nodes {{ {} }}", condition(key, operator))
        }
        SelectorExpr::Cidr(block) => block.to_string(),
        SelectorExpr::Dns(name) => format!("\"{name}\""),
        SelectorExpr::AnyOf(parts) => {
            let parts: Vec<String> = parts.iter().map(selector).collect();
            parts.join(" | ")
        }
        SelectorExpr::AllOf(parts) => all_of(parts),
        SelectorExpr::Minus(base, except) => {
            format!("{} - {}", inner(base), exceptions(except))
        }
    }
}

/// What stands beside an operator: a union in parentheses.
fn inner(expr: &SelectorExpr) -> String {
    match expr {
        SelectorExpr::AnyOf(_) | SelectorExpr::Minus(..) => format!("({})", selector(expr)),
        _ => selector(expr),
    }
}

/// What is taken away: each part of a union by itself.
fn exceptions(expr: &SelectorExpr) -> String {
    match expr {
        SelectorExpr::AnyOf(parts) => {
            let parts: Vec<String> = parts.iter().map(inner).collect();
            parts.join(" - ")
        }
        _ => inner(expr),
    }
}

/// Labels in one pair of braces, and after them what else must hold.
fn all_of(parts: &[SelectorExpr]) -> String {
    let mut conditions = Vec::new();
    let mut nodes = Vec::new();
    let mut namespaces = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            SelectorExpr::Label { key, operator } => conditions.push(condition(key, operator)),
            SelectorExpr::NodeLabel { key, operator } => nodes.push(condition(key, operator)),
            SelectorExpr::Namespace(name) => namespaces.push(format!("in namespace \"{name}\"")),
            SelectorExpr::NamespaceLabel { .. } => {
                namespaces.push(format!("in {}", selector(part)))
            }
            other => others.push(inner(other)),
        }
    }
    let mut text = others;
    if !nodes.is_empty() {
        text.insert(0, format!("nodes {{ {} }}", nodes.join(", ")));
    }
    if !conditions.is_empty() || !namespaces.is_empty() {
        let labels = match conditions.is_empty() {
            true => "{}".to_owned(),
            false => format!("{{ {} }}", conditions.join(", ")),
        };
        let words: Vec<String> = std::iter::once(labels).chain(namespaces).collect();
        text.insert(0, words.join(" "));
    }
    text.join(" & ")
}

fn condition(key: &str, operator: &LabelOperator) -> String {
    match operator {
        LabelOperator::In(values) => match values.as_slice() {
            [value] => format!("{key}: \"{value}\""),
            values => format!("{key} in [{}]", list(values)),
        },
        LabelOperator::NotIn(values) => match values.as_slice() {
            [value] => format!("{key} != \"{value}\""),
            values => format!("{key} not in [{}]", list(values)),
        },
        LabelOperator::Exists => key.to_owned(),
        LabelOperator::Absent => format!("!{key}"),
    }
}

fn list(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    quoted.join(", ")
}
