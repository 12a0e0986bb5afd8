//! Policies of a cluster's administrators: `AdminNetworkPolicy` and `BaselineAdminNetworkPolicy` of
//! `policy.networking.k8s.io/v1alpha1`, and `ClusterNetworkPolicy` of `v1alpha2`.
//!
//! Order counts in these: of an object's rules the first that matches decides. See [`blocks`].

mod blocks;
mod form;
mod peers;
mod ports;
mod protocols;
mod rules;
mod subject;
#[cfg(test)]
mod tests;

use polc_diagnostics::Code;
use polc_model::{Direction, Tier};

pub(crate) use form::Form;

use crate::{
    Policy,
    labels::one_of,
    located::{Node, Scalar, Value},
    network_policy::{
        metadata::{self, Metadata, Scope},
        ports::integer,
    },
    reader::{Field, Fields, list, text, wrong_type},
    report::Report,
};

/// The lowest precedence of an object.
const MAX_PRIORITY: i64 = 1000;

/// The name of the one BaselineAdminNetworkPolicy of a cluster.
const BASELINE_NAME: &str = "default";

/// What all of an object's policies have in common.
struct Object {
    form: Form,
    metadata: Metadata,
    tier: Tier,
    priority: u32,
}

/// Reads an object: a policy for each of its blocks. None where it has no name, tier or priority to
/// go by.
pub(crate) fn read(node: &Node, form: Form, report: &mut Report) -> Vec<Policy> {
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let Some(fields) = Fields::of(node, form.what(), &known, report) else {
        return Vec::new();
    };
    let metadata = metadata::read(&fields, form.what(), Scope::Cluster, report);
    if let Some(metadata) = metadata.as_ref().filter(|_| form == Form::Baseline) {
        check_name(metadata, report);
    }
    let Some(spec) = fields.required("spec", form.what(), report) else {
        return Vec::new();
    };
    let what = format!("the `spec` of {}", form.what());
    let Some(spec) = Fields::of(spec.value, &what, form.fields(), report) else {
        return Vec::new();
    };
    let tier = tier(&spec, form, &what, report);
    let priority = priority(&spec, form, &what, report);
    let subject = spec.required("subject", &what, report);
    let subject = subject.and_then(|field| subject::read(field, form, report));
    let mut read = |name, direction| {
        let Some(field) = spec.get(name) else {
            return Vec::new();
        };
        rules::read(field, form, direction, report)
    };
    let ingress = read("ingress", Direction::Ingress);
    let egress = read("egress", Direction::Egress);
    let (Some(metadata), Some(tier), Some(priority), Some(subject)) =
        (metadata, tier, priority, subject)
    else {
        return Vec::new();
    };
    let has_rules = |name| spec.get(name).is_some_and(|field| !is_empty(field.value));
    if !has_rules("ingress") && !has_rules("egress") {
        report.add(
            Code::NoEffect,
            format!("the policy `{}` has no effect", metadata.name),
            metadata.span,
            "has no rules",
            |_, one| one.with_help("add items to `ingress` or `egress`"),
        );
    }
    let object = Object {
        form,
        metadata,
        tier,
        priority,
    };
    blocks::policies(&object, &subject, ingress, egress)
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Sequence(items) if items.is_empty())
}

fn check_name(metadata: &Metadata, report: &mut Report) {
    if metadata.name != BASELINE_NAME {
        let headline = format!(
            "a BaselineAdminNetworkPolicy is named `{BASELINE_NAME}`, not `{}`",
            metadata.name
        );
        let label = format!("expected `{BASELINE_NAME}`: a cluster has one");
        report.invalid(headline, metadata.span, label);
    }
}

fn tier(spec: &Fields<'_>, form: Form, what: &str, report: &mut Report) -> Option<Tier> {
    match form {
        Form::Admin => return Some(Tier::Admin),
        Form::Baseline => return Some(Tier::Baseline),
        Form::Cluster => {}
    }
    let field = spec.required("tier", what, report)?;
    match text(field.value, "`tier`", report)? {
        "Admin" => Some(Tier::Admin),
        "Baseline" => Some(Tier::Baseline),
        other => {
            let known = ["Admin", "Baseline"];
            one_of(other, field.value.span, "tier", &known, report);
            None
        }
    }
}

fn priority(spec: &Fields<'_>, form: Form, what: &str, report: &mut Report) -> Option<u32> {
    if form == Form::Baseline {
        return Some(0);
    }
    let field = spec.required("priority", what, report)?;
    let Some(Scalar::Number(written)) = field.value.scalar() else {
        wrong_type(field.value, "`priority`", "a number", report);
        return None;
    };
    match integer(written) {
        Some(number) if (0..=MAX_PRIORITY).contains(&number) => u32::try_from(number).ok(),
        _ => {
            report.add(
                Code::InvalidNumber,
                format!("`{written}` is not a priority"),
                field.value.span,
                format!("expected a number from 0 to {MAX_PRIORITY}"),
                |_, one| one.with_help("lower numbers are asked first"),
            );
            None
        }
    }
}

/// How many items a list may have.
#[derive(Clone, Copy)]
struct Limits {
    least: usize,
    most: usize,
}

/// The items of a list that may have so many.
fn items<'a>(
    field: Field<'a>,
    name: &str,
    limits: Limits,
    report: &mut Report,
) -> Option<&'a [Node]> {
    let items = list(field.value, &format!("`{name}`"), report)?;
    if items.len() < limits.least {
        report.add(
            Code::MissingField,
            format!("`{name}` needs at least one item"),
            field.key,
            "is empty",
            |_, one| one,
        );
        return None;
    }
    if items.len() > limits.most {
        let headline = format!("`{name}` has {} items", items.len());
        report.invalid(
            headline,
            field.key,
            format!("expected at most {}", limits.most),
        );
    }
    Some(items)
}
