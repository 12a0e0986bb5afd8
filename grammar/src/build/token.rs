//! What stands at a place of the text, for error messages.

use crate::Span;

/// The token at a place.
pub(super) struct Found {
    /// Where it stands. Empty at the end of a line.
    pub(super) span: Span,
    /// How a message calls it.
    pub(super) text: String,
    /// The word itself, when it is one.
    pub(super) word: Option<String>,
}

impl Found {
    /// What a label says about it.
    pub(super) const fn label(&self) -> &'static str {
        if self.span.start == self.span.end {
            "missing here"
        } else {
            "not expected here"
        }
    }
}

/// The token at `offset`, after blanks. At the end of a line, the place right after the last token.
pub(super) fn found_at(text: &str, offset: usize) -> Found {
    let rest = text.get(offset..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
    let token = rest.get(blank..).unwrap_or_default();
    let start = offset + blank;
    let Some(first) = token.chars().next() else {
        return end(text, offset, "the end of the file");
    };
    if first == '\n' || token.starts_with("//") {
        return end(text, offset, "the end of the line");
    }
    if first == '"' {
        let length = token
            .chars()
            .skip(1)
            .take_while(|c| !matches!(c, '"' | '\n'));
        let length = 1 + length.map(char::len_utf8).sum::<usize>();
        let closed = usize::from(
            token
                .get(length..)
                .is_some_and(|rest| rest.starts_with('"')),
        );
        return quoted(text, start, length + closed);
    }
    let word: usize = token
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .map(char::len_utf8)
        .sum();
    if word == 0 {
        return quoted(text, start, first.len_utf8());
    }
    let mut found = quoted(text, start, word);
    found.word = token.get(..word).map(str::to_owned);
    found
}

fn quoted(text: &str, start: usize, length: usize) -> Found {
    let shown = text.get(start..start + length).unwrap_or_default();
    Found {
        span: Span::new(start, start + length),
        text: format!("`{shown}`"),
        word: None,
    }
}

fn end(text: &str, offset: usize, what: &str) -> Found {
    let before = text.get(..offset).unwrap_or_default().trim_end().len();
    Found {
        span: Span::new(before, before),
        text: what.to_owned(),
        word: None,
    }
}
