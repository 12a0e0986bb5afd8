//! A plan, drawn: as DOT, and as the SVG that its layout makes.

use std::fmt::Write as _;

use layout::{
    backends::svg::SVGWriter,
    gv::{DotParser, GraphBuilder},
};

use super::plan::{ClassView, ScopeView};

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

/// A string of DOT.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push('?'),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The drawing of a graph. `None` for text that is no graph.
pub(super) fn svg(dot: &str) -> Option<String> {
    let graph = DotParser::new(dot).process().ok()?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&graph);
    let mut graph = builder.get();
    let mut svg = SVGWriter::new();
    graph.do_it(false, false, false, &mut svg);
    Some(svg.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_policy_stays_text() {
        assert_eq!(
            quoted("say \"a\\b\"\nand \u{1b}[2J"),
            r#""say \"a\\b\"\nand ?[2J""#
        );
    }

    #[test]
    fn a_graph_becomes_a_drawing() {
        let drawing = svg("digraph g { a [label=\"x < y\"]; a -> b; }").unwrap();
        assert!(drawing.starts_with("<?xml") && drawing.trim_end().ends_with("</svg>"));
        assert!(svg("no graph").is_none());
    }
}
