//! The endpoints that a test imagines.

use polc_diagnostics::Code;
use polc_model::{Labels, Phase, TestEndpoint};
use polc_syntax::ast::{Given, LabelSet, LabelTest};

use crate::{
    lower::{Scope, address, labels},
    origin::Lines,
    sink::Sink,
};

pub(super) fn lower(
    given: &Given,
    scope: &dyn Scope,
    lines: &Lines<'_>,
    sink: &mut Sink,
) -> TestEndpoint {
    for condition in &given.labels.conditions {
        labels::check_label(&condition.key, condition.test.values(), scope, sink);
    }
    TestEndpoint {
        name: given.name.text.clone(),
        phase: phase(given, sink),
        labels: definite(&given.labels, given, sink),
        namespace_labels: definite(&given.namespace_labels, given, sink),
        namespace: given.namespace.as_ref().map(|name| name.text.clone()),
        addresses: given
            .addresses
            .iter()
            .filter_map(|text| address::address(text, sink))
            .collect(),
        origin: lines.origin(given.span),
    }
}

/// Whether the labels are known. Where they are not, the namespace is not either.
fn phase(given: &Given, sink: &mut Sink) -> Phase {
    let Some(init) = &given.init else {
        return Phase::Ready;
    };
    if given.namespace.is_some() || !given.namespace_labels.conditions.is_empty() {
        sink.report(
            Code::InexactPacket,
            format!("`{}` is in `init`, and has a namespace", given.name.text),
            init.span,
            "of such an endpoint nothing but its addresses is known",
            |_, diagnostic| diagnostic.with_help("leave out the namespace, or write `{}`"),
        );
    }
    Phase::Init
}

/// The labels of a set in which every condition names one value.
fn definite(set: &LabelSet, given: &Given, sink: &mut Sink) -> Labels {
    let mut of = Labels::new();
    for condition in &set.conditions {
        let key = &condition.key.text;
        match &condition.test {
            LabelTest::Is(value) if of.contains_key(key) => sink.report(
                Code::InexactPacket,
                format!("`{}` has two values for the label `{key}`", given.name.text),
                value.span,
                "an endpoint has one value for each label",
                |_, diagnostic| diagnostic,
            ),
            LabelTest::Is(value) => {
                of.insert(key.clone(), value.text.clone());
            }
            LabelTest::Missing => {}
            _ => sink.report(
                Code::InexactPacket,
                format!(
                    "`{}` is one endpoint, and this is a condition",
                    given.name.text
                ),
                condition.span,
                "expected a label and its value",
                |_, diagnostic| diagnostic.with_help(format!("write `{key}: \"…\"`")),
            ),
        }
    }
    of
}
