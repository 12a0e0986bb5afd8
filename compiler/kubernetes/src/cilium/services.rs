//! `toServices`: the endpoints behind services.

use polc_diagnostics::{Code, Severity};
use polc_model::{SelectorExpr, sets};

use super::{Scope, section::Section};
use crate::{
    definitions::Service,
    labels,
    located::{Node, Span},
    reader::{Field, Fields, missing, text},
    report::Report,
};

/// An item of `toServices`.
pub(super) fn read(
    node: &Node,
    what: &str,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let fields = Fields::of(node, what, &["k8sService", "k8sServiceSelector"], report)?;
    match (fields.get("k8sService"), fields.get("k8sServiceSelector")) {
        (Some(one), Some(other)) => {
            report.add(
                Code::ExclusiveFields,
                "`k8sService` and `k8sServiceSelector` do not stand in one item",
                other.key,
                "some services here",
                |report, diagnostic| {
                    diagnostic
                        .with_label(report.place(one.key), "and one here")
                        .with_help("make them two items")
                },
            );
            None
        }
        (Some(field), None) => by_name(field, section, scope, report),
        (None, Some(field)) => by_labels(field, section, scope, report),
        (None, None) => {
            let headline = format!("{what} needs `k8sService` or `k8sServiceSelector`");
            missing(&headline, node.span, report);
            None
        }
    }
}

fn by_name(
    field: Field<'_>,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let what = "`k8sService`";
    let fields = Fields::of(field.value, what, &["serviceName", "namespace"], report)?;
    let name_field = fields.required("serviceName", what, report)?;
    let name = text(name_field.value, "`serviceName`", report)?;
    let namespace = namespace(&fields, report)?;
    let found = scope.definitions.services(namespace);
    let found: Vec<&Service> = found.filter(|service| service.name == name).collect();
    if found.is_empty() {
        let place = namespace.map_or_else(
            || "these files".to_owned(),
            |namespace| format!("namespace `{namespace}` in these files"),
        );
        let headline = format!("there is no Service `{name}` in {place}");
        return unknown(&headline, name_field.value.span, section, report);
    }
    behind(&found, name_field.value.span, section, report)
}

fn by_labels(
    field: Field<'_>,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let what = "`k8sServiceSelector`";
    let fields = Fields::of(field.value, what, &["selector", "namespace"], report)?;
    let selector = fields.required("selector", what, report)?;
    let conditions = labels::selector_of(
        selector.value,
        "`selector`",
        super::label::check_endpoint_key,
        report,
    )?;
    let namespace = namespace(&fields, report)?;
    let passes = |service: &Service| {
        conditions.iter().all(|(key, operator)| {
            operator.matches(service.labels.get(super::label::without_source(key)))
        })
    };
    let found = scope.definitions.services(namespace);
    let found: Vec<&Service> = found.filter(|service| passes(service)).collect();
    if found.is_empty() {
        let headline = "these files hold no Service with such labels";
        return unknown(headline, selector.value.span, section, report);
    }
    behind(&found, selector.value.span, section, report)
}

/// The namespace that a reference names: `Some(None)` is any.
fn namespace<'a>(fields: &Fields<'a>, report: &mut Report) -> Option<Option<&'a str>> {
    match fields.get("namespace") {
        None => Some(None),
        Some(field) => {
            let name = text(field.value, "`namespace`", report)?;
            Some(Some(name).filter(|name| !name.is_empty()))
        }
    }
}

/// Whoever answers for one of these services: the endpoints that it selects, or the addresses that
/// it is given, which has to be known.
fn behind(
    services: &[&Service],
    span: Span,
    section: &Section,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let is_open = |one: &&&Service| one.selector.is_empty() && one.addresses.is_empty();
    if let Some(open) = services.iter().find(is_open) {
        let headline = format!(
            "the Service `{}/{}` has no selector, and these files hold no addresses of it",
            open.namespace, open.name
        );
        return unknown(&headline, span, section, report);
    }
    Some(sets::union(services.iter().map(|service| {
        if service.selector.is_empty() {
            let addresses = service.addresses.iter().copied();
            return sets::union(addresses.map(|address| SelectorExpr::Cidr(address.into())));
        }
        let labels = service
            .selector
            .iter()
            .map(|(key, value)| SelectorExpr::Label {
                key: key.clone(),
                operator: polc_model::LabelOperator::In(vec![value.clone()]),
            });
        let namespace = SelectorExpr::Namespace(service.namespace.clone());
        sets::intersection(labels.chain([namespace]))
    })))
}

/// Reports a reference to what the files do not hold. Nothing is allowed for it; what is to be denied
/// has to be known.
pub(super) fn unknown(
    headline: &str,
    span: Span,
    section: &Section,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let (label, severity) = match section.denies() {
        true => ("what it denies is not known", Severity::Error),
        false => ("allows nothing", Severity::Warning),
    };
    report.add(
        Code::UnknownReference,
        headline,
        span,
        label,
        |_, mut one| {
            one.severity = severity;
            one.with_help("give polc the file that defines it, too")
        },
    );
    None
}
