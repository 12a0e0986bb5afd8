//! From the events of the YAML parser to trees.

use std::{collections::BTreeMap, sync::Arc};

use granit_parser::{Event, Marker, Parser, ScalarStyle, StructureStyle};

use super::{Node, Span, Style, Value};

/// Collections in collections, aliases counted in: more than any object has, few enough to walk
/// with recursion.
const MAX_DEPTH: usize = 100;

/// Values that aliases may stand for, all in all. A few lines of aliases of aliases can stand for more
/// values than there is memory.
const MAX_ALIASED: usize = 1_000_000;

/// What keeps a text from being read to its end.
#[derive(Debug)]
pub enum Problem {
    /// It is not YAML.
    Syntax {
        /// Where reading ends.
        span: Span,
        /// What is wrong.
        message: String,
    },
    /// It is nested too deeply, or aliases make it too large.
    TooLarge {
        /// Where reading ends.
        span: Span,
    },
}

/// The documents of a text. Where something is wrong, those before it.
#[must_use]
pub fn documents(text: &str) -> (Vec<Node>, Option<Problem>) {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        let result = match next {
            Ok((event, span)) => builder.event(event, place(text, &span)),
            Err(error) => {
                let at = offset(text, error.marker());
                let rest = text.get(at as usize..).unwrap_or_default();
                let length = rest.chars().next().map_or(0, char::len_utf8);
                let end = at.saturating_add(u32::try_from(length).unwrap_or(0));
                Err(Problem::Syntax {
                    span: Span { start: at, end },
                    message: error.info(),
                })
            }
        };
        if let Err(problem) = result {
            return (builder.documents, Some(problem));
        }
    }
    (builder.documents, None)
}

fn offset(text: &str, marker: &Marker) -> u32 {
    let bytes = marker.byte_offset().unwrap_or_else(|| {
        let before = text.chars().take(marker.index());
        before.map(char::len_utf8).sum()
    });
    u32::try_from(bytes.min(text.len())).unwrap_or(u32::MAX)
}

fn place(text: &str, span: &granit_parser::Span) -> Span {
    Span {
        start: offset(text, &span.start),
        end: offset(text, &span.end),
    }
}

/// How deep a value is and how many values are in it, itself counted.
#[derive(Clone, Copy)]
struct Extent {
    depth: usize,
    size: usize,
}

#[derive(Clone)]
struct Measured {
    node: Node,
    extent: Extent,
}

/// A collection whose end was not seen yet.
struct Open {
    start: u32,
    end: u32,
    style: StructureStyle,
    anchor: usize,
    extent: Extent,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<(Node, Node)>,
        /// A key that waits for its value.
        key: Option<Node>,
    },
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Measured>,
    aliased: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_tagged = tag.is_some_and(|tag| tag.suffix() == "str");
                let style = match style {
                    ScalarStyle::Plain if !is_tagged => Style::Plain,
                    _ => Style::Text,
                };
                let text = Arc::from(&*text);
                let node = Node {
                    span,
                    value: Value::Scalar { text, style },
                };
                let extent = Extent { depth: 1, size: 1 };
                self.add(Measured { node, extent }, anchor)
            }
            Event::Alias(anchor) => {
                // An anchor around the alias has no value yet.
                let Some(mut target) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::Syntax {
                        span,
                        message: "an alias inside what it stands for".to_owned(),
                    });
                };
                self.aliased = self.aliased.saturating_add(target.extent.size);
                if self.aliased > MAX_ALIASED {
                    return Err(Problem::TooLarge { span });
                }
                target.node.span = span;
                self.add(target, 0)
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(span, style, anchor, Kind::Sequence(Vec::new()))
            }
            Event::MappingStart(style, anchor, _) => {
                let kind = Kind::Mapping {
                    entries: Vec::new(),
                    key: None,
                };
                self.begin(span, style, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        span: Span,
        style: StructureStyle,
        anchor: usize,
        kind: Kind,
    ) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::TooLarge { span });
        }
        self.open.push(Open {
            start: span.start,
            end: span.end,
            style,
            anchor,
            extent: Extent { depth: 1, size: 1 },
            kind,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        // A block ends where the next one begins; what it holds ends before.
        let end = match open.style {
            StructureStyle::Flow => span.end,
            StructureStyle::Block => open.end,
        };
        let value = match open.kind {
            Kind::Sequence(items) => Value::Sequence(items.into()),
            Kind::Mapping { entries, .. } => Value::Mapping(entries.into()),
        };
        let span = Span {
            start: open.start,
            end,
        };
        let node = Node { span, value };
        let extent = open.extent;
        self.add(Measured { node, extent }, open.anchor)
    }

    fn add(&mut self, measured: Measured, anchor: usize) -> Result<(), Problem> {
        if anchor > 0 {
            self.anchors.insert(anchor, measured.clone());
        }
        let Measured { node, extent } = measured;
        let span = node.span;
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        open.end = open.end.max(span.end);
        open.extent.size = open.extent.size.saturating_add(extent.size);
        open.extent.depth = open.extent.depth.max(extent.depth + 1);
        if open.extent.depth > MAX_DEPTH {
            return Err(Problem::TooLarge { span });
        }
        match &mut open.kind {
            Kind::Sequence(items) => items.push(node),
            Kind::Mapping { entries, key } => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(node),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let (documents, problem) = documents(text);
        assert!(problem.is_none(), "{problem:?}");
        documents.into_iter().next().unwrap()
    }

    fn written(text: &str, node: &Node) -> String {
        text.get(node.span.start as usize..node.span.end as usize)
            .unwrap()
            .to_owned()
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let text =
            "é: [1, \"two\"]\nspec:\n  app: web # why\n  list:\n  - a\n\n---\n{\"b\": null}\n";
        let root = one(text);
        assert_eq!(written(text, root.get("é").unwrap()), "[1, \"two\"]");
        let spec = root.get("spec").unwrap();
        assert_eq!(written(text, spec), "app: web # why\n  list:\n  - a");
        assert_eq!(written(text, spec.get("app").unwrap()), "web");
        assert_eq!(documents(text).0.len(), 2);
        assert!(documents(text).0[1].get("b").unwrap().is_null());
    }

    #[test]
    fn aliases_and_merges_stand_for_what_they_name() {
        let text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, x: 3}\nd: {<<: [*a, {z: 4}]}\n";
        let root = one(text);
        assert_eq!(root.get("b").unwrap().get("x").unwrap().text(), Some("1"));
        assert_eq!(written(text, root.get("b").unwrap()), "*a");
        let merged = root.get("c").unwrap();
        assert_eq!(merged.get("x").unwrap().text(), Some("3"));
        assert_eq!(merged.get("y").unwrap().text(), Some("2"));
        assert_eq!(root.get("d").unwrap().get("z").unwrap().text(), Some("4"));
    }

    #[test]
    fn what_is_before_a_mistake_is_read() {
        let (documents, problem) = documents("a: 1\n---\nb: [1\n---\nc: 2\n");
        assert_eq!(documents.len(), 1);
        assert!(matches!(problem, Some(Problem::Syntax { .. })));
    }

    #[test]
    fn texts_that_would_fill_the_memory_are_refused() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let list = [before.as_str(); 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        let (_, problem) = documents(&laughs);
        assert!(matches!(problem, Some(Problem::TooLarge { .. })));

        let mut deep = "a0: &a0 [x]\n".to_owned();
        for level in 1..200 {
            deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        let (_, problem) = documents(&deep);
        assert!(matches!(problem, Some(Problem::TooLarge { .. })));

        let (_, problem) = documents(&"[".repeat(10_000));
        assert!(problem.is_some());
        let (_, problem) = documents("a: &a [*a]\n");
        assert!(problem.is_some());
    }
}
