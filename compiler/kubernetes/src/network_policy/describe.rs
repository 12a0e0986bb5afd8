//! Selectors in words: those of the language, which people know from `.pol` files.

use polc_model::LabelOperator;

use crate::labels::Conditions;

/// `{ app: "web", tier != "data" }`.
pub(super) fn labels(conditions: &Conditions) -> String {
    if conditions.is_empty() {
        return "{}".to_owned();
    }
    let parts: Vec<String> = conditions
        .iter()
        .map(|(key, operator)| condition(key, operator))
        .collect();
    format!("{{ {} }}", parts.join(", "))
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
