//! `CiliumCIDRGroup`: what is wrong with one. What it defines, [`crate::definitions()`] reads.

use crate::{
    located::Node,
    network_policy::{metadata, peers::cidr},
    reader::{Fields, list},
    report::Report,
};

/// Checks a group.
pub(crate) fn check(node: &Node, report: &mut Report) {
    let what = "a CiliumCIDRGroup";
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let Some(fields) = Fields::of(node, what, &known, report) else {
        return;
    };
    metadata::read(&fields, what, metadata::Scope::Cluster, report);
    let Some(spec) = fields.required("spec", what, report) else {
        return;
    };
    let what = "the `spec` of a CiliumCIDRGroup";
    let Some(spec) = Fields::of(spec.value, what, &["externalCIDRs"], report) else {
        return;
    };
    let Some(blocks) = spec.required("externalCIDRs", what, report) else {
        return;
    };
    let blocks = list(blocks.value, "`externalCIDRs`", report);
    for block in blocks.unwrap_or_default() {
        cidr(block, "an item of `externalCIDRs`", report);
    }
}
