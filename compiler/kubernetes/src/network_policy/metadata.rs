//! Name, namespace and labels.

use polc_diagnostics::Code;

use crate::{
    labels::{check_key, label_value},
    located::Span,
    names::{DNS_RULE, is_dns_label, is_dns_subdomain},
    reader::{Fields, text},
    report::Report,
};

/// The namespace of an object that names none, as for `kubectl`.
const DEFAULT_NAMESPACE: &str = "default";

const KNOWN: [&str; 15] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "selfLink",
];

/// Where objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In a namespace.
    Namespace,
    /// In none.
    Cluster,
}

pub(crate) struct Metadata {
    /// Empty for what is in none.
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Where the name is.
    pub(crate) span: Span,
}

/// Reads an object's metadata. `None` where it has no name, which is reported.
pub(crate) fn read(
    object: &Fields<'_>,
    what: &str,
    scope: Scope,
    report: &mut Report,
) -> Option<Metadata> {
    let field = object.required("metadata", what, report)?;
    let fields = Fields::of_others(field.value, "`metadata`", &KNOWN, report)?;
    for (group, is_labels) in [("labels", true), ("annotations", false)] {
        let Some(field) = fields.get(group) else {
            continue;
        };
        let Some(entries) = Fields::any(field.value, &format!("`{group}`"), report) else {
            continue;
        };
        for (key, span, value) in entries.all().filter(|(.., value)| !value.is_null()) {
            if is_labels {
                check_key(key, span, report);
                label_value(value, report);
            } else {
                text(value, "an annotation", report);
            }
        }
    }
    let namespace = namespace(&fields, what, scope, report);
    let Some(field) = fields.get("name") else {
        let generated = fields.get("generateName").is_some();
        report.add(
            Code::MissingField,
            format!("{what} needs a name"),
            field.key,
            "has no `name`",
            |_, one| match generated {
                true => one.with_help(
                    "a name from `generateName` differs each time; reports and tests need one that stays",
                ),
                false => one,
            },
        );
        return None;
    };
    let name = text(field.value, "`name`", report)?;
    if !is_dns_subdomain(name) {
        let headline = format!("`{name}` is not the name of a policy");
        report.invalid(headline, field.value.span, format!("expected {DNS_RULE}"));
        return None;
    }
    Some(Metadata {
        namespace: namespace?,
        name: name.to_owned(),
        span: field.value.span,
    })
}

/// The namespace that it is in. The API server ignores one where the kind has none.
fn namespace(fields: &Fields<'_>, what: &str, scope: Scope, report: &mut Report) -> Option<String> {
    let field = fields.get("namespace");
    if scope == Scope::Cluster {
        if let Some(field) = field {
            report.add(
                Code::NoEffect,
                format!("{what} is in no namespace"),
                field.key,
                "changes nothing",
                |_, one| one.with_help("leave out `namespace`: this kind is for the whole cluster"),
            );
        }
        return Some(String::new());
    }
    let Some(field) = field else {
        return Some(DEFAULT_NAMESPACE.to_owned());
    };
    let name = text(field.value, "`namespace`", report)?;
    if name.is_empty() {
        return Some(DEFAULT_NAMESPACE.to_owned());
    }
    if !is_dns_label(name) {
        let headline = format!("`{name}` is not the name of a namespace");
        report.invalid(headline, field.value.span, format!("expected {DNS_RULE}"));
        return None;
    }
    Some(name.to_owned())
}
