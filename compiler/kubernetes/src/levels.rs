//! What comments say about lints: `# @allow(world_open)` on a line of its own covers what begins behind it,
//! as the same attribute does in a `.pol` file. That is a document, an item of a list, or a key with its
//! value.

use std::ops::Range;

use polc_diagnostics::Level;

use crate::located::{self, Node, Value};

/// A comment about lints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintComment {
    /// What becomes of the findings.
    pub level: Level,
    /// The lints that it names, and where, in bytes. Perhaps some do not exist.
    pub lints: Vec<(String, Range<u32>)>,
    /// What it covers, in bytes.
    pub covers: Range<u32>,
}

/// What a comment says, wherever it stands: the level, and the lints with their places.
type Attribute = (Level, Vec<(String, Range<u32>)>);

/// The comments about lints in a file, in the order of the text. What stands before nothing is left out.
#[must_use]
pub fn lint_comments(text: &str) -> Vec<LintComment> {
    // What is written so far, until it is known what it stands before.
    let (mut pending, mut placed) = (Vec::new(), Vec::new());
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if let Some(comment) = content.strip_prefix('#') {
            let at = begin + line.len() - line.trim_start().len() + 1;
            pending.extend(attribute(comment, at).map(|one| (at as u32, one)));
        } else if !content.is_empty() && !is_marker(content) {
            let bare = line.trim_start_matches([' ', '-']);
            let before = begin + line.len() - bare.len();
            placed.extend(pending.drain(..).map(|one| (one, before as u32)));
        }
        begin += line.len();
    }
    if placed.is_empty() {
        return Vec::new();
    }
    let (documents, _) = located::documents(text);
    let comments = placed
        .into_iter()
        .filter_map(|((at, (level, lints)), begin)| {
            if documents.iter().any(|node| is_text_at(node, at)) {
                return None;
            }
            let ends = documents.iter().filter_map(|node| end_at(node, begin));
            Some(LintComment {
                level,
                lints,
                covers: begin..ends.max()?,
            })
        });
    comments.collect()
}

/// Whether a line begins a document or ends one, and says nothing else.
fn is_marker(line: &str) -> bool {
    let rest = line
        .strip_prefix("---")
        .or_else(|| line.strip_prefix("..."));
    let rest = rest.map(str::trim_start);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// What a comment says about lints. `at` is where its text begins.
fn attribute(comment: &str, at: usize) -> Option<Attribute> {
    let (word, rest) = comment.trim_start().strip_prefix('@')?.split_once('(')?;
    let level = Level::ALL.into_iter().find(|level| level.name() == word)?;
    let (names, _) = rest.split_once(')')?;
    let mut begin = at + comment.len() - rest.len();
    let mut lints = Vec::new();
    for part in names.split(',') {
        let name = part.trim();
        let start = (begin + part.len() - part.trim_start().len()) as u32;
        lints.push((name.to_owned(), start..start + name.len() as u32));
        begin += part.len() + 1;
    }
    Some((level, lints))
}

/// Where what begins here ends: a document or an item of a list, or else a key with its value.
fn end_at(node: &Node, begin: u32) -> Option<u32> {
    let begins_here = node.span.start == begin;
    if !begins_here && !(node.span.start..node.span.end).contains(&begin) {
        return None;
    }
    match &node.value {
        // A list may begin where its first item does.
        Value::Sequence(items) => {
            let mut items = items.iter();
            let item = items.find_map(|item| end_at(item, begin));
            item.or(begins_here.then_some(node.span.end))
        }
        _ if begins_here => Some(node.span.end),
        Value::Scalar { .. } => None,
        Value::Mapping(entries) => entries.iter().find_map(|(key, value)| {
            if key.span.start == begin {
                return Some(value.span.end.max(key.span.end));
            }
            // A mapping begins where its first key does, which is meant then.
            match &value.value {
                Value::Mapping(inner) if value.span.start == begin => {
                    let (key, value) = inner.first()?;
                    Some(value.span.end.max(key.span.end))
                }
                _ => end_at(value, begin),
            }
        }),
    }
}

/// Whether what looks like a comment here is part of a text.
fn is_text_at(node: &Node, at: u32) -> bool {
    let holds = |node: &Node| (node.span.start..node.span.end).contains(&at);
    match &node.value {
        Value::Scalar { .. } => holds(node),
        Value::Sequence(items) => items.iter().any(|item| is_text_at(item, at)),
        Value::Mapping(entries) => entries.iter().any(|(_, value)| is_text_at(value, at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "# @allow(untested_policy)
---
# Everybody may read.
apiVersion: networking.k8s.io/v1
spec:
  # @deny(one, two)
  podSelector: {}
  # @warn( three )

  ingress:
  # @allow(four)
  - from:
    - ipBlock: { cidr: 0.0.0.0/0 }
    # @allow(five)
    ports: [{ port: 80 }]
  - - # @allow(six)
      text: |
        # @allow(seven)
        no comment
# @allow(eight)
";

    fn of(text: &str) -> Vec<(&'static str, Vec<&str>, &str)> {
        let at = |range: &Range<u32>| text.get(range.start as usize..range.end as usize).unwrap();
        let comments = lint_comments(text).into_iter();
        comments
            .map(|one| {
                let lints = one.lints.iter().map(|(name, range)| {
                    assert_eq!(at(range), name);
                    at(range)
                });
                (one.level.name(), lints.collect(), at(&one.covers))
            })
            .collect()
    }

    #[test]
    fn comments_cover_what_begins_behind_them() {
        let found = of(POLICY);
        let covered: Vec<(&str, Vec<&str>, &str, &str)> = found
            .iter()
            .map(|(level, lints, covers)| {
                let covers = covers.trim_end();
                let first = covers.lines().next().unwrap();
                let last = covers.lines().last().unwrap().trim();
                (*level, lints.clone(), first, last)
            })
            .collect();
        assert_eq!(
            covered,
            [
                (
                    "allow",
                    vec!["untested_policy"],
                    "apiVersion: networking.k8s.io/v1",
                    "no comment"
                ),
                (
                    "deny",
                    vec!["one", "two"],
                    "podSelector: {}",
                    "podSelector: {}"
                ),
                ("warn", vec!["three"], "ingress:", "no comment"),
                ("allow", vec!["four"], "from:", "ports: [{ port: 80 }]"),
                (
                    "allow",
                    vec!["five"],
                    "ports: [{ port: 80 }]",
                    "ports: [{ port: 80 }]"
                ),
            ]
        );
    }

    #[test]
    fn markers_and_line_endings_are_between() {
        for text in [
            "# @allow(x)\n--- # the first\na: 1\n",
            "# @allow(x)\r\n---\r\na: 1\r\n",
            "b: 1\n...\n# @allow(x)\n---\n\na: 1\n",
            "\t# @allow(x)\na: 1",
        ] {
            let found = of(text);
            let covered: Vec<&str> = found.iter().map(|one| one.2.trim_end()).collect();
            assert_eq!(covered, ["a: 1"], "{text}");
        }
    }

    #[test]
    fn texts_that_look_like_comments_are_none() {
        for style in ["|", ">", "|-", "|+"] {
            let text = format!("a: {style}\n  one\n  # @allow(x)\nb: 1\n");
            assert_eq!(lint_comments(&text), [], "{text}");
            // Behind it, one is.
            let text = format!("a: {style}\n  one\n# @allow(x)\nb: 1\n");
            let found = of(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].2, "b: 1", "{text}");
        }
    }

    #[test]
    fn other_comments_are_nothing() {
        for text in [
            "a: 1 # @allow(x)\n",
            "# allow(x)\na: 1\n",
            "# @allow x\na: 1\n",
            "# @forbid(x)\na: 1\n",
            "# @allow(x)\n",
            "# @allow(x)\n[",
        ] {
            assert_eq!(lint_comments(text), [], "{text}");
        }
    }
}
