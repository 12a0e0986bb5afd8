//! A plan, drawn as DOT.

use std::fmt::Write as _;

use super::plan::{ClassView, ScopeView};
use crate::command::graph::quoted;

/// The graph of some classes: a class leads to its leaves, by ports.
pub(super) fn dot(classes: &[ClassView]) -> String {
    let mut out = String::from("digraph plan {\n  rankdir=LR;\n  node [shape=box];\n");
    for (number, class) in classes.iter().enumerate() {
        scope(
            &mut out,
            &format!("class{number}"),
            &class.class,
            &class.enforced,
        );
        if let Some(audited) = &class.audited {
            let title = format!("{}, were its audits enforced", class.class);
            scope(&mut out, &format!("audit{number}"), &title, audited);
        }
    }
    out.push_str("}\n");
    out
}

fn scope(out: &mut String, id: &str, title: &str, scope: &ScopeView) {
    let label = quoted(&format!("{title}\n{}", scope.strategy));
    let _ = writeln!(out, "  {id} [label={label}];");
    for (number, leaf) in scope.leaves.iter().enumerate() {
        let lines: Vec<String> = leaf.questions.iter().map(|one| one.line()).collect();
        let _ = writeln!(
            out,
            "  {id}_{number} [label={}];",
            quoted(&lines.join("\n"))
        );
        let _ = writeln!(
            out,
            "  {id} -> {id}_{number} [label={}];",
            quoted(&leaf.title())
        );
    }
}
