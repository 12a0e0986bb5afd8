//! Keys of labels with their source: `k8s:app`, `reserved:host`.

use polc_diagnostics::Code;
use polc_model::{
    Entity, LabelOperator, SelectorExpr,
    selector::{CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL},
    sets,
};

use crate::{labels::check_key, located::Span, report::Report};

/// The label that says which namespace an endpoint is in.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// Before a label of the endpoint's namespace.
const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";
/// Labels that every endpoint has.
const IMPLIED: [&str; 2] = [CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL];

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A label of an endpoint or a node.
    Label(&'a str),
    /// A label of its namespace.
    NamespaceLabel(&'a str),
    /// The name of its namespace.
    Namespace,
    /// Whether it is one of these.
    Reserved(&'a str),
}

/// What a key of an endpoint's label asks for.
pub(super) fn endpoint_key(key: &str) -> Key<'_> {
    if let Some(name) = key.strip_prefix("reserved:") {
        return Key::Reserved(name);
    }
    let key = without_source(key);
    match key.strip_prefix(OF_NAMESPACE) {
        Some(label) => Key::NamespaceLabel(label),
        None if key == NAMESPACE => Key::Namespace,
        None => Key::Label(key),
    }
}

/// A key without the source of the label.
pub(super) fn without_source(key: &str) -> &str {
    let sources = ["k8s:", "any:", "node:"];
    let found = sources.iter().find_map(|source| key.strip_prefix(source));
    found.unwrap_or(key)
}

/// Reports a key that no label of an endpoint has.
pub(super) fn check_endpoint_key(key: &str, span: Span, report: &mut Report) -> bool {
    match key.split_once(':') {
        None => check_key(key, span, report),
        Some(("k8s" | "any", rest)) => check_key(rest, span, report),
        Some(("reserved", rest)) => check_reserved(rest, span, report),
        Some((source, _)) => refuse_source(source, "`k8s`, `any` or `reserved`", span, report),
    }
}

/// Reports a key that no label of a node has.
pub(super) fn check_node_key(key: &str, span: Span, report: &mut Report) -> bool {
    match key.split_once(':') {
        None => check_key(key, span, report),
        Some(("k8s" | "any" | "node", rest)) => check_key(rest, span, report),
        Some((source, _)) => refuse_source(source, "`k8s`, `any` or `node`", span, report),
    }
}

fn refuse_source(source: &str, expected: &str, span: Span, report: &mut Report) -> bool {
    report.add(
        Code::Unsupported,
        format!("labels of the source `{source}` are not supported yet"),
        span,
        format!("expected {expected}, or no source"),
        |_, one| one,
    );
    false
}

fn check_reserved(name: &str, span: Span, report: &mut Report) -> bool {
    let is_known = reserved(name).is_some();
    if !is_known {
        report.add(
            Code::InvalidValue,
            format!("there is no reserved label `{name}`"),
            span,
            "expected the name of an entity",
            |_, one| one.with_help("as in `reserved:host` or `reserved:remote-node`"),
        );
    }
    is_known
}

/// What has a reserved label.
fn reserved(name: &str) -> Option<SelectorExpr> {
    super::entities::entity(name).filter(|_| !matches!(name, "all" | "cluster"))
}

/// What a condition on a label of an endpoint asks for.
pub(super) fn condition(key: &str, operator: &LabelOperator) -> SelectorExpr {
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    match endpoint_key(key) {
        Key::Label(key) if IMPLIED.contains(&key) && *operator == LabelOperator::Exists => {
            endpoints
        }
        Key::Label(key) if IMPLIED.contains(&key) && *operator == LabelOperator::Absent => {
            SelectorExpr::Entity(Entity::None)
        }
        Key::Label(key) => SelectorExpr::Label {
            key: key.to_owned(),
            operator: operator.clone(),
        },
        Key::NamespaceLabel(key) => SelectorExpr::NamespaceLabel {
            key: key.to_owned(),
            operator: operator.clone(),
        },
        Key::Namespace => {
            let any_of =
                |names: &[String]| sets::union(names.iter().cloned().map(SelectorExpr::Namespace));
            match operator {
                LabelOperator::In(names) => any_of(names),
                LabelOperator::NotIn(names) => minus(endpoints, any_of(names)),
                LabelOperator::Exists => endpoints,
                LabelOperator::Absent => SelectorExpr::Entity(Entity::None),
            }
        }
        Key::Reserved(name) => {
            let who = reserved(name).unwrap_or(SelectorExpr::Entity(Entity::None));
            // The value of a reserved label is empty.
            let is_who = match operator {
                LabelOperator::In(values) => values.iter().any(String::is_empty),
                LabelOperator::NotIn(values) => !values.iter().any(String::is_empty),
                LabelOperator::Exists => true,
                LabelOperator::Absent => false,
            };
            match (operator, is_who) {
                (LabelOperator::In(_), false) => SelectorExpr::Entity(Entity::None),
                (LabelOperator::NotIn(_), true) => SelectorExpr::ALL,
                (_, true) => who,
                (_, false) => minus(SelectorExpr::ALL, who),
            }
        }
    }
}

fn minus(base: SelectorExpr, except: SelectorExpr) -> SelectorExpr {
    SelectorExpr::Minus(Box::new(base), Box::new(except))
}
