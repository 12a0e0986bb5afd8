//! Items of `from` and `to`: pods, namespaces, nodes, networks, names.

use std::net::IpAddr;

use polc_diagnostics::Code;
use polc_model::{Action, Entity, Selector, SelectorExpr, sets};

use super::{Form, Limits, items, subject};
use crate::{
    labels,
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
    /// What is done about it: the rule's action, but for what is not supported.
    pub(super) action: Action,
}

/// Reads a peer of a rule with this action, of the kinds in `known`. `None` where it was not
/// understood, or where what was not supported would have allowed something.
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
        _ => return nodes(kind, field, action, report),
    };
    Some(Peer {
        kind,
        selector,
        action,
    })
}

/// Nodes by their labels are not supported. What would keep traffic from some keeps it from all.
fn nodes(
    kind: &'static str,
    field: Field<'_>,
    action: Action,
    report: &mut Report,
) -> Option<Peer> {
    labels::selector(field.value, "`nodes`", report);
    report.add(
        Code::Unsupported,
        "`nodes` is not supported yet",
        field.key,
        "selects nodes by their labels",
        |_, one| one.with_help("name their addresses in `networks`"),
    );
    let nodes = [Entity::Host, Entity::RemoteNode];
    let selector = Selector {
        expr: sets::union(nodes.map(SelectorExpr::Entity)),
        text: "host | remote_node".to_owned(),
    };
    (action != Action::Allow).then_some(Peer {
        kind,
        selector,
        action: Action::Deny,
    })
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
    if wildcard.is_some() {
        report.add(
            Code::Unsupported,
            "names that begin with `*` are not supported yet",
            node.span,
            "`*` stands for one label or more",
            |_, one| one.with_help("list the names"),
        );
        return Some(SelectorExpr::Entity(Entity::None));
    }
    let name = written.strip_suffix('.').unwrap_or(written);
    Some(SelectorExpr::Dns(name.to_ascii_lowercase()))
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
