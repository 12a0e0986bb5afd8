//! Selectors of nodes, by their labels.

use polc_model::{Entity, SelectorExpr, sets};

use super::label::{check_node_key, without_source};
use crate::{labels::selector_of, located::Node, report::Report};

/// The node itself, where it has these labels: what a host policy applies to.
pub(super) fn subject(node: &Node, what: &str, report: &mut Report) -> Option<SelectorExpr> {
    let labels = labels(node, what, report)?;
    let host = SelectorExpr::Entity(Entity::Host);
    Some(sets::intersection(labels.into_iter().chain([host])))
}

/// Nodes as peers: this one and the others.
pub(super) fn peer(node: &Node, what: &str, report: &mut Report) -> Option<SelectorExpr> {
    let labels = labels(node, what, report)?;
    let nodes = [Entity::Host, Entity::RemoteNode].map(SelectorExpr::Entity);
    Some(match labels.is_empty() {
        true => sets::union(nodes),
        false => sets::intersection(labels),
    })
}

fn labels(node: &Node, what: &str, report: &mut Report) -> Option<Vec<SelectorExpr>> {
    let conditions = selector_of(node, what, check_node_key, report)?;
    let labels = conditions.into_iter();
    let labels = labels.map(|(key, operator)| SelectorExpr::NodeLabel {
        key: without_source(&key).to_owned(),
        operator,
    });
    Some(labels.collect())
}
