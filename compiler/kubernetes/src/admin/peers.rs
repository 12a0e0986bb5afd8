//! Items of `from` and `to`: pods, namespaces, nodes, networks, names.

use std::net::IpAddr;

use polc_diagnostics::Code;
use polc_model::{Action, Entity, Selector, SelectorExpr, sets};

use super::{Form, Limits, items, subject};
use crate::{
    describe, labels,
    located::Node,
    names::{DNS_RULE, is_domain_name},
    network_policy::peers::cidr,
    reader::{Field, Fields, text},
    report::Report,
};

/// How many networks or names an item may have.
const MOST: Limits = Limits { least: 1, most: 25 };

/// The longest CIDR that the API server takes.
const MAX_CIDR: usize = 43;

/// Whom a rule is about, and which kind of peer it was.
pub(super) struct Peer {
    /// The field that says so.
    pub(super) kind: &'static str,
    pub(super) selector: Selector,
}

/// Reads a peer of a rule with this action, of the kinds in `known`. `None` where it was not
/// understood.
pub(super) fn read(
    node: &Node,
    of: &str,
    known: &'static [&'static str],
    action: Action,
    form: Form,
    report: &mut Report,
) -> Option<Peer> {
    let what = format!("an item of `{of}`");
    let fields = Fields::of(node, &what, known, report)?;
    let (kind, field) = fields.exactly_one(&what, known, report)?;
    let selector = match kind {
        "namespaces" => subject::namespaces(field, report)?,
        "pods" => subject::pods(field, form, report)?,
        "networks" => networks(field, form, report)?,
        "domainNames" => names(field, action, report)?,
        _ => nodes(field, report)?,
    };
    Some(Peer { kind, selector })
}

/// Nodes by their labels; all of them without any.
fn nodes(field: Field<'_>, report: &mut Report) -> Option<Selector> {
    let labels = labels::selector(field.value, "`nodes`", report)?;
    let expr = match labels.is_empty() {
        true => sets::union([Entity::Host, Entity::RemoteNode].map(SelectorExpr::Entity)),
        false => sets::intersection(
            labels
                .into_iter()
                .map(|(key, operator)| SelectorExpr::NodeLabel { key, operator }),
        ),
    };
    let text = describe::selector(&expr);
    Some(Selector { expr, text })
}

fn networks(field: Field<'_>, form: Form, report: &mut Report) -> Option<Selector> {
    let items = items(field, "networks", MOST, report)?;
    let blocks = items.iter().map(|item| network(item, form, report));
    let blocks: Vec<Option<SelectorExpr>> = blocks.collect();
    union(blocks, items, report)
}

fn network(node: &Node, form: Form, report: &mut Report) -> Option<SelectorExpr> {
    let block = cidr(node, "an item of `networks`", report)?;
    let written = node.text().unwrap_or_default();
    if written.len() > MAX_CIDR {
        let label = format!("expected at most {MAX_CIDR} characters");
        report.invalid("this CIDR block is too long", node.span, label);
        return None;
    }
    let is_mixed = written.contains(':') && written.contains('.');
    let is_mapped =
        matches!(block.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    if is_mixed || (form == Form::Cluster && is_mapped) {
        report.invalid(
            format!("`{written}` has an IPv4 address in an IPv6 one"),
            node.span,
            "expected a block of the one or the other",
        );
        return None;
    }
    Some(SelectorExpr::Cidr(block))
}

/// Names only allow: who else has the addresses of a name is not known.
fn names(field: Field<'_>, action: Action, report: &mut Report) -> Option<Selector> {
    let items = items(field, "domainNames", MOST, report)?;
    if action != Action::Allow {
        report.add(
            Code::ExclusiveFields,
            "`domainNames` is only for rules that allow",
            field.key,
            "in a rule with another action",
            |_, one| one.with_help("deny everything in a rule after those that allow names"),
        );
        return None;
    }
    let names = items.iter().map(|item| name(item, report));
    let names: Vec<Option<SelectorExpr>> = names.collect();
    union(names, items, report)
}

fn name(node: &Node, report: &mut Report) -> Option<SelectorExpr> {
    let written = text(node, "an item of `domainNames`", report)?;
    let wildcard = written.strip_prefix("*.");
    if !is_domain_name(wildcard.unwrap_or(written)) {
        let headline = format!("`{written}` is not the name of a domain");
        let label =
            format!("expected two or more labels of {DNS_RULE}, the first of them perhaps `*`");
        report.invalid(headline, node.span, label);
        return None;
    }
    let name = written.strip_suffix('.').unwrap_or(written);
    let name = name.to_ascii_lowercase();
    // One label or more, as `**` is in a Model.
    Some(SelectorExpr::Dns(match wildcard {
        Some(_) => format!("*{name}"),
        None => name,
    }))
}

/// Any of the items, where all were understood and none is there twice.
fn union(
    parts: Vec<Option<SelectorExpr>>,
    items: &[Node],
    report: &mut Report,
) -> Option<Selector> {
    let written: Vec<&str> = items.iter().filter_map(Node::text).collect();
    let mut seen = std::collections::BTreeMap::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        if let Some(first) = seen.insert(text, item.span) {
            report.add(
                Code::RepeatedKey,
                format!("`{text}` is in this list twice"),
                item.span,
                "again here",
                |report, one| one.with_label(report.place(first), "first here"),
            );
            return None;
        }
    }
    let text = written.join(" | ");
    let parts: Option<Vec<SelectorExpr>> = parts.into_iter().collect();
    let expr = sets::union(parts?);
    Some(Selector { expr, text })
}
