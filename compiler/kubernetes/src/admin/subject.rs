//! `subject`: the pods that a policy applies to. Pods that are peers are said in the same way.

use polc_model::Selector;

use super::Form;
use crate::{
    labels::{self, Conditions},
    network_policy::peers::in_namespaces,
    reader::{Field, Fields},
    report::Report,
};

/// Reads a subject. `None` where it was not understood.
pub(super) fn read(field: Field<'_>, form: Form, report: &mut Report) -> Option<Selector> {
    let known = ["namespaces", "pods"];
    let fields = Fields::of(field.value, "`subject`", &known, report)?;
    let (name, field) = fields.exactly_one("`subject`", &known, report)?;
    match name {
        "namespaces" => namespaces(field, report),
        _ => pods(field, form, report),
    }
}

/// Every pod of the namespaces with these labels.
pub(super) fn namespaces(field: Field<'_>, report: &mut Report) -> Option<Selector> {
    let namespaces = labels::selector(field.value, "`namespaces`", report)?;
    Some(in_namespaces(&Conditions::new(), &namespaces))
}

/// Pods with these labels in namespaces with those.
pub(super) fn pods(field: Field<'_>, form: Form, report: &mut Report) -> Option<Selector> {
    let known = ["namespaceSelector", "podSelector"];
    let fields = Fields::of(field.value, "`pods`", &known, report)?;
    let mut selector = |name: &str| {
        let is_optional = form == Form::Cluster && name == "namespaceSelector";
        let field = match fields.get(name) {
            None if is_optional => return Some(Conditions::new()),
            _ => fields.required(name, "`pods`", report)?,
        };
        labels::selector(field.value, &format!("`{name}`"), report)
    };
    let (namespaces, pods) = (selector("namespaceSelector"), selector("podSelector"));
    Some(in_namespaces(&pods?, &namespaces?))
}
