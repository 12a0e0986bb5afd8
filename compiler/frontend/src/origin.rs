//! From byte offsets to the lines and columns of the Model.

use std::sync::Arc;

use polc_model::{FileId, Origin};
use polc_syntax::Span;

/// Where the lines of a text start, in bytes.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    let after_newlines = text.match_indices('\n').map(|(index, _)| index + 1);
    std::iter::once(0).chain(after_newlines).collect()
}

/// A text by its lines.
pub(crate) struct Lines<'a> {
    file: Arc<str>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: &Arc<str>, text: &'a str) -> Self {
        Self {
            file: Arc::clone(file),
            text,
            starts: line_starts(text),
        }
    }

    /// The path of the file.
    pub(crate) fn file(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    /// The place of a span, in a file whose id is filled in later: the id depends on which other
    /// files there are, and the lowering of one file must not.
    pub(crate) fn origin(&self, span: Span) -> Origin {
        let offset = span.range().start;
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self
            .starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
        Origin {
            file: FileId::default(),
            line: number(line),
            column: number(before.chars().count() + 1),
            text: rest.lines().next().unwrap_or_default().trim().to_owned(),
        }
    }

    /// The source of a span on one line.
    pub(crate) fn source(&self, span: Span) -> String {
        let text = self.text.get(span.range()).unwrap_or_default();
        let lines = text
            .lines()
            .map(|line| line.split_once("//").map_or(line, |(code, _)| code));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::new(&Arc::from("a.pol"), "one\n  // é\n  é allow\n");
        let at = lines.text.find("allow").unwrap();
        let origin = lines.origin(Span::new(at, at + 5));
        assert_eq!((origin.line, origin.column), (3, 5));
        assert_eq!(origin.text, "é allow");
    }

    #[test]
    fn expressions_over_several_lines_are_shown_on_one() {
        let lines = Lines::new(&Arc::from("a.pol"), "web // the front\n  | cart");
        assert_eq!(lines.source(Span::new(0, lines.text.len())), "web | cart");
    }
}
