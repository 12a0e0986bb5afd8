//! Label sets, checked against the package's schema.

use polc_diagnostics::{Code, suggest};
use polc_model::{Entity, LabelOperator, SelectorExpr};
use polc_syntax::ast::{Condition, LabelSet, LabelTest, Name};

use super::{Scope, sets};
use crate::{sink::Sink, types::LabelValues};

pub(crate) fn lower(set: &LabelSet, scope: &dyn Scope, sink: &mut Sink) -> SelectorExpr {
    for condition in &set.conditions {
        check(condition, scope, sink);
    }
    contradictions(set, sink);
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    let conditions = set.conditions.iter().map(|condition| SelectorExpr::Label {
        key: condition.key.text.clone(),
        operator: operator(&condition.test),
    });
    sets::intersection(std::iter::once(endpoints).chain(conditions))
}

/// The conditions of a label set that is about namespaces. The package's schema is about endpoints.
pub(super) fn of_namespace(set: &LabelSet, sink: &mut Sink) -> Vec<SelectorExpr> {
    contradictions(set, sink);
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    let conditions = set
        .conditions
        .iter()
        .map(|condition| SelectorExpr::NamespaceLabel {
            key: condition.key.text.clone(),
            operator: operator(&condition.test),
        });
    std::iter::once(endpoints).chain(conditions).collect()
}

/// The nodes that a label set is about: without conditions, this one and the others.
pub(super) fn of_nodes(set: &LabelSet, sink: &mut Sink) -> SelectorExpr {
    contradictions(set, sink);
    if set.conditions.is_empty() {
        return sets::union([Entity::Host, Entity::RemoteNode].map(SelectorExpr::Entity));
    }
    sets::intersection(
        set.conditions
            .iter()
            .map(|condition| SelectorExpr::NodeLabel {
                key: condition.key.text.clone(),
                operator: operator(&condition.test),
            }),
    )
}

fn operator(test: &LabelTest) -> LabelOperator {
    match test {
        LabelTest::Is(_) | LabelTest::In(_) => LabelOperator::In(values(test)),
        LabelTest::IsNot(_) | LabelTest::NotIn(_) => LabelOperator::NotIn(values(test)),
        LabelTest::Exists => LabelOperator::Exists,
        LabelTest::Absent => LabelOperator::Absent,
        // Selects nothing: the safe reading of what was not understood.
        LabelTest::Missing => LabelOperator::In(Vec::new()),
    }
}

fn values(test: &LabelTest) -> Vec<String> {
    let mut values: Vec<String> = test
        .values()
        .iter()
        .map(|value| value.text.clone())
        .collect();
    values.sort();
    values.dedup();
    values
}

fn check(condition: &Condition, scope: &dyn Scope, sink: &mut Sink) {
    check_label(&condition.key, condition.test.values(), scope, sink);
    if let LabelTest::In(values) = &condition.test
        && values.is_empty()
    {
        sink.report(
            Code::EmptySet,
            format!("no value of `{}` is in an empty list", condition.key.text),
            condition.span,
            "never holds",
            |_, diagnostic| {
                diagnostic.with_help("name at least one value, or write `none` for no peers")
            },
        );
    }
}

/// Checks a label and its values against the schema.
pub(crate) fn check_label(key: &Name, values: &[Name], scope: &dyn Scope, sink: &mut Sink) {
    let Some(schema) = scope.schema() else {
        return;
    };
    let Some(allowed) = schema.get(&key.text) else {
        let meant = suggest::closest(&key.text, schema.keys().map(String::as_str));
        sink.report(
            Code::UnknownLabel,
            format!("the package declares no label `{}`", key.text),
            key.span,
            "not a label of the schema",
            |sink, mut diagnostic| {
                if let Some(place) = scope.schema_place(meant.unwrap_or_default()) {
                    let message = meant.map_or_else(
                        || "the labels are declared here".to_owned(),
                        |meant| format!("`{meant}` is declared here"),
                    );
                    diagnostic = diagnostic.with_label(place, message);
                }
                match meant {
                    Some(meant) => diagnostic
                        .with_help(format!("did you mean `{meant}`?"))
                        .with_fix(sink.place(key.span), meant),
                    None => diagnostic.with_help(format!(
                        "declare it in `labels {{ … }}`: `{}: string`",
                        key.text
                    )),
                }
            },
        );
        return;
    };
    let LabelValues::OneOf(allowed) = allowed else {
        return;
    };
    for value in values {
        if allowed.contains(&value.text) {
            continue;
        }
        let meant = suggest::closest(&value.text, allowed.iter().map(String::as_str));
        let shown: Vec<String> = allowed.iter().map(|value| format!("`{value}`")).collect();
        sink.report(
            Code::UnknownLabelValue,
            format!(
                "`{}` is not a value of the label `{}`",
                value.text, key.text
            ),
            value.span,
            format!("expected {}", shown.join(", ")),
            |sink, mut diagnostic| {
                if let Some(place) = scope.schema_place(&key.text) {
                    let message = format!("the values of `{}` are declared here", key.text);
                    diagnostic = diagnostic.with_label(place, message);
                }
                match meant {
                    Some(meant) => {
                        let is_quoted = value.span.range().len() != value.text.len();
                        let replacement = if is_quoted {
                            format!("\"{meant}\"")
                        } else {
                            meant.to_owned()
                        };
                        diagnostic
                            .with_help(format!("did you mean `{meant}`?"))
                            .with_fix(sink.place(value.span), replacement)
                    }
                    None => diagnostic,
                }
            },
        );
    }
}

/// Reports two conditions of a set that no endpoint can satisfy together.
fn contradictions(set: &LabelSet, sink: &mut Sink) {
    for (index, later) in set.conditions.iter().enumerate() {
        let earlier = set.conditions.iter().take(index);
        let opposed = earlier
            .filter(|earlier| earlier.key.text == later.key.text)
            .find(|earlier| excludes(&earlier.test, &later.test));
        if let Some(earlier) = opposed {
            sink.report(
                Code::EmptySet,
                format!(
                    "no endpoint satisfies both conditions on `{}`",
                    later.key.text
                ),
                later.span,
                "contradicts the other condition",
                |sink, diagnostic| {
                    diagnostic
                        .with_label(sink.place(earlier.span), "the other condition")
                        .with_help(format!(
                            "for either value, write `{} in [ … ]`",
                            later.key.text
                        ))
                },
            );
            return;
        }
    }
}

fn excludes(one: &LabelTest, other: &LabelTest) -> bool {
    match (operator(one), operator(other)) {
        (LabelOperator::In(one), LabelOperator::In(other)) => {
            let is_known = !one.is_empty() && !other.is_empty();
            is_known && !one.iter().any(|value| other.contains(value))
        }
        (LabelOperator::In(values), LabelOperator::NotIn(except))
        | (LabelOperator::NotIn(except), LabelOperator::In(values)) => {
            !values.is_empty() && values.iter().all(|value| except.contains(value))
        }
        (LabelOperator::Absent, LabelOperator::In(_) | LabelOperator::Exists)
        | (LabelOperator::In(_) | LabelOperator::Exists, LabelOperator::Absent) => true,
        _ => false,
    }
}
