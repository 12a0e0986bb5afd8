//! Objects as YAML, their keys in the order in which people write them.

use polc_model::LabelOperator;
pub(super) use serde_yaml::{Mapping, Value};

/// A mapping with these keys.
pub(super) fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Mapping {
    let mut mapping = Mapping::new();
    for (key, value) in entries {
        mapping.insert(key.into(), value);
    }
    mapping
}

/// Adds an entry.
pub(super) fn set(mapping: &mut Mapping, key: &str, value: impl Into<Value>) {
    mapping.insert(key.into(), value.into());
}

/// A list of texts.
pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> Value {
    let texts = texts.into_iter();
    Value::Sequence(texts.map(|text| Value::from(text.as_str())).collect())
}

/// A label selector. `key` says how a label's key is written.
pub(super) fn selector<'c>(
    conditions: impl IntoIterator<Item = (String, &'c LabelOperator)>,
) -> Mapping {
    let (mut labels, mut expressions) = (Mapping::new(), Vec::new());
    for (key, operator) in conditions {
        let (word, values) = match operator {
            LabelOperator::In(values) => match values.as_slice() {
                [value] if !labels.contains_key(key.as_str()) => {
                    labels.insert(key.into(), value.as_str().into());
                    continue;
                }
                _ => ("In", Some(values)),
            },
            LabelOperator::NotIn(values) => ("NotIn", Some(values)),
            LabelOperator::Exists => ("Exists", None),
            LabelOperator::Absent => ("DoesNotExist", None),
        };
        let mut expression = mapping([("key", key.into()), ("operator", word.into())]);
        if let Some(values) = values {
            set(&mut expression, "values", texts(values));
        }
        expressions.push(Value::Mapping(expression));
    }
    let mut selector = Mapping::new();
    if !labels.is_empty() {
        set(&mut selector, "matchLabels", labels);
    }
    if !expressions.is_empty() {
        set(&mut selector, "matchExpressions", expressions);
    }
    selector
}

/// A document.
pub(super) fn document(object: Mapping) -> String {
    // Texts and numbers in lists and mappings are always YAML.
    serde_yaml::to_string(&Value::Mapping(object)).unwrap_or_default()
}
