//! Connections as a graph.

use std::{collections::BTreeSet, fmt::Write as _};

use polc_connections::Connections;

use super::explain::Deciders;
use crate::command::graph::quoted;

/// The graph in DOT: peers, and an arrow for each connection.
pub(super) fn dot(connections: &Connections<'_>, deciders: Option<&Deciders<'_>>) -> String {
    let mut out = String::from("digraph connections {\n  rankdir=LR;\n  node [shape=box];\n");
    let ends = connections.connections.iter();
    let used: BTreeSet<_> = ends.flat_map(|one| [one.source, one.destination]).collect();
    for peer in used {
        let name = connections.peer(peer).map(ToString::to_string);
        let name = quoted(&name.unwrap_or_default());
        let _ = writeln!(out, "  peer{} [label={name}];", peer.0);
    }
    for connection in &connections.connections {
        let mut label = connections.keys(connection).to_string();
        for decided in deciders.iter().flat_map(|one| one.decided(connection)) {
            let _ = write!(label, "\n{}", decided.line());
        }
        let (source, destination) = (connection.source.0, connection.destination.0);
        let label = quoted(&label);
        let _ = writeln!(out, "  peer{source} -> peer{destination} [label={label}];");
    }
    out.push_str("}\n");
    out
}
