//! Graphs in DOT, and the SVG that their layout makes.

use layout::{
    backends::svg::SVGWriter,
    gv::{DotParser, GraphBuilder},
};

/// A string of DOT.
pub(super) fn quoted(text: &str) -> String {
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
