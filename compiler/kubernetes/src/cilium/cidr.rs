//! Blocks of addresses, and groups of them.

use polc_diagnostics::Code;
use polc_model::{SelectorExpr, sets};

use super::{Scope, section::Section, services::unknown};
use crate::{
    labels,
    located::Node,
    network_policy::peers::{check_inside, cidr},
    reader::{Field, Fields, list, missing, text},
    report::Report,
};

/// An item of `fromCIDR` or `toCIDR`.
pub(super) fn block(node: &Node, what: &str, report: &mut Report) -> Option<SelectorExpr> {
    cidr(node, what, report).map(SelectorExpr::Cidr)
}

/// An item of `fromCIDRSet` or `toCIDRSet`: a block, a group or groups, and exceptions.
pub(super) fn set(
    node: &Node,
    what: &str,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let names = ["cidr", "cidrGroupRef", "cidrGroupSelector"];
    let known = ["cidr", "cidrGroupRef", "cidrGroupSelector", "except"];
    let fields = Fields::of(node, what, &known, report)?;
    let mut given = names
        .iter()
        .filter_map(|name| Some((name, fields.get(name)?)));
    let Some((name, field)) = given.next() else {
        let headline = format!("{what} needs `cidr`, `cidrGroupRef` or `cidrGroupSelector`");
        missing(&headline, node.span, report);
        return None;
    };
    if let Some((other, second)) = given.next() {
        report.add(
            Code::ExclusiveFields,
            format!("`{name}` and `{other}` do not stand in one item"),
            second.key,
            "some addresses here",
            |report, one| {
                one.with_label(report.place(field.key), "and others here")
                    .with_help("make them two items")
            },
        );
        return None;
    }
    let block = match *name {
        "cidr" => Some(cidr(field.value, "`cidr`", report)?),
        _ => None,
    };
    let base = match block {
        Some(block) => SelectorExpr::Cidr(block),
        None => groups(name, field, section, scope, report)?,
    };
    let Some(except) = fields.get("except") else {
        return Some(base);
    };
    let mut exceptions = Vec::new();
    let mut is_understood = true;
    for item in list(except.value, "`except`", report)? {
        let exception = cidr(item, "an item of `except`", report);
        let is_inside = match (block, exception) {
            (Some(block), Some(exception)) => {
                check_inside(block, exception, item, field.value, report)
            }
            _ => true,
        };
        is_understood &= is_inside && exception.is_some();
        exceptions.extend(exception.map(SelectorExpr::Cidr));
    }
    if !is_understood {
        return None;
    }
    Some(match exceptions.is_empty() {
        true => base,
        false => SelectorExpr::Minus(Box::new(base), Box::new(sets::union(exceptions))),
    })
}

/// The blocks of groups.
fn groups(
    name: &str,
    field: Field<'_>,
    section: &Section,
    scope: Scope<'_>,
    report: &mut Report,
) -> Option<SelectorExpr> {
    let found = match name {
        "cidrGroupRef" => {
            let wanted = text(field.value, "`cidrGroupRef`", report)?;
            let found = scope.definitions.cidr_group(wanted);
            if found.is_none() {
                let headline = format!("there is no CiliumCIDRGroup `{wanted}` in these files");
                return unknown(&headline, field.value.span, section, report);
            }
            found.into_iter().collect()
        }
        _ => {
            let what = "`cidrGroupSelector`";
            let conditions = labels::selector(field.value, what, report)?;
            let found = scope.definitions.cidr_groups(&conditions);
            if found.is_empty() {
                let headline = "these files hold no CiliumCIDRGroup with such labels";
                return unknown(headline, field.value.span, section, report);
            }
            found
        }
    };
    let blocks = found.into_iter().flatten().copied();
    Some(sets::union(blocks.map(SelectorExpr::Cidr)))
}
