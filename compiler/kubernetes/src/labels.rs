//! Label selectors: `matchLabels` and `matchExpressions`.

use polc_diagnostics::{Code, suggest};
use polc_model::LabelOperator;

use crate::{
    located::{Node, Span},
    names::{LABEL_RULE, is_label_key, is_label_value},
    reader::{Fields, list, text},
    report::Report,
};

/// Conditions on labels that must all hold. None at all: everything that has labels.
pub(crate) type Conditions = Vec<(String, LabelOperator)>;

const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// Reports a key that is none, and says whether it is one.
pub(crate) type KeyCheck = fn(&str, Span, &mut Report) -> bool;

/// Reads a label selector. `None` where a part was not understood, which is reported.
pub(crate) fn selector(node: &Node, what: &str, report: &mut Report) -> Option<Conditions> {
    selector_of(node, what, check_key, report)
}

/// As [`selector`], of keys that are more than those of labels.
pub(crate) fn selector_of(
    node: &Node,
    what: &str,
    check: KeyCheck,
    report: &mut Report,
) -> Option<Conditions> {
    let known = ["matchLabels", "matchExpressions"];
    let fields = Fields::of(node, what, &known, report)?;
    let mut conditions = Some(Conditions::new());
    let mut add = |condition: Option<(String, LabelOperator)>| match (condition, &mut conditions) {
        (Some(condition), Some(conditions)) => conditions.push(condition),
        _ => conditions = None,
    };
    if let Some(field) = fields.get("matchLabels") {
        match Fields::any(field.value, "`matchLabels`", report) {
            Some(labels) => {
                for (key, span, value) in labels.all() {
                    add(equality(key, span, value, check, report));
                }
            }
            None => add(None),
        }
    }
    if let Some(field) = fields.get("matchExpressions") {
        match list(field.value, "`matchExpressions`", report) {
            Some(items) => items
                .iter()
                .for_each(|item| add(expression(item, check, report))),
            None => add(None),
        }
    }
    conditions
}

fn equality(
    key: &str,
    span: Span,
    value: &Node,
    check: KeyCheck,
    report: &mut Report,
) -> Option<(String, LabelOperator)> {
    let is_key = check(key, span, report);
    // A label without a value has the empty one, as for the API server.
    let value = match value.is_null() {
        true => "",
        false => label_value(value, report)?,
    };
    is_key.then(|| (key.to_owned(), LabelOperator::In(vec![value.to_owned()])))
}

fn expression(
    node: &Node,
    check: KeyCheck,
    report: &mut Report,
) -> Option<(String, LabelOperator)> {
    let what = "an item of `matchExpressions`";
    let fields = Fields::of(node, what, &["key", "operator", "values"], report)?;
    let key = fields.required("key", what, report);
    let key = key.and_then(|field| {
        let key = text(field.value, "`key`", report)?;
        check(key, field.value.span, report).then(|| key.to_owned())
    });
    let operator = fields.required("operator", what, report).and_then(|field| {
        let word = text(field.value, "`operator`", report)?;
        operator(word, field.value, report)
    });
    let values_field = fields.get("values");
    let values = match values_field {
        Some(field) => list(field.value, "`values`", report).and_then(|items| {
            let values: Vec<Option<String>> = items
                .iter()
                .map(|item| label_value(item, report).map(str::to_owned))
                .collect();
            values.into_iter().collect::<Option<Vec<String>>>()
        }),
        None => Some(Vec::new()),
    };
    let (operator, mut values) = (operator?, values?);
    values.sort();
    values.dedup();
    let takes_values = matches!(operator, "In" | "NotIn");
    match (takes_values, values_field) {
        (true, _) if values.is_empty() => {
            let span = values_field.map_or(node.span, |field| field.key);
            report.add(
                Code::MissingField,
                format!("`{operator}` needs values"),
                span,
                "expected at least one value",
                |_, one| one.with_help("add `values: [ … ]`, or use `Exists` or `DoesNotExist`"),
            );
            return None;
        }
        (false, Some(field)) if !values.is_empty() => {
            report.add(
                Code::ExclusiveFields,
                format!("`{operator}` takes no values"),
                field.key,
                "only `In` and `NotIn` compare with values",
                |_, one| one.with_help("leave out `values`"),
            );
            return None;
        }
        _ => {}
    }
    let operator = match operator {
        "In" => LabelOperator::In(values),
        "NotIn" => LabelOperator::NotIn(values),
        "Exists" => LabelOperator::Exists,
        _ => LabelOperator::Absent,
    };
    Some((key?, operator))
}

fn operator(word: &str, node: &Node, report: &mut Report) -> Option<&'static str> {
    if let Some(known) = OPERATORS.into_iter().find(|known| *known == word) {
        return Some(known);
    }
    one_of(word, node.span, "operator", &OPERATORS, report);
    None
}

/// Reports a word that is none of a few.
pub(crate) fn one_of(word: &str, span: Span, what: &str, known: &[&str], report: &mut Report) {
    let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    report.add(
        Code::InvalidValue,
        format!("there is no {what} `{word}`"),
        span,
        format!("expected {}", list.join(" or ")),
        |report, diagnostic| match suggest::closest(word, known.iter().copied()) {
            Some(meant) => diagnostic
                .with_help(format!("did you mean `{meant}`?"))
                .with_fix(report.place(span), meant),
            None => diagnostic,
        },
    );
}

/// Reports a key that no label has.
pub(crate) fn check_key(key: &str, span: Span, report: &mut Report) -> bool {
    let is_key = is_label_key(key);
    if !is_key {
        let headline = format!("`{key}` is not the key of a label");
        report.add(
            Code::InvalidValue,
            headline,
            span,
            format!("expected {LABEL_RULE}"),
            |_, one| {
                one.with_help("a domain and `/` may stand before it, as in `example.com/team`")
            },
        );
    }
    is_key
}

/// The value of a label.
pub(crate) fn label_value<'a>(node: &'a Node, report: &mut Report) -> Option<&'a str> {
    let value = text(node, "the value of a label", report)?;
    if is_label_value(value) {
        return Some(value);
    }
    let headline = format!("`{value}` is not the value of a label");
    report.invalid(headline, node.span, format!("expected {LABEL_RULE}"));
    None
}
