//! What is wrong with a text.

use crate::Span;

/// A place where a text does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What kind of error it is.
    pub kind: SyntaxErrorKind,
    /// What is the matter, in one line.
    pub headline: String,
    /// Where.
    pub span: Span,
    /// What there is to say about that place.
    pub label: String,
    /// Another place that is involved, and what there is to say about it.
    pub related: Option<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// A replacement of the text at a place that resolves it.
    pub fix: Option<(Span, String)>,
}

/// Kinds of syntax errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// Something is missing or does not belong.
    Unexpected,
    /// Something is opened and never closed.
    Unclosed,
    /// Parentheses in parentheses in parentheses.
    TooDeep,
}

impl SyntaxError {
    pub(crate) fn new(
        kind: SyntaxErrorKind,
        headline: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            headline: headline.into(),
            span,
            label: label.into(),
            related: None,
            help: None,
            fix: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn with_fix(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some((span, replacement.into()));
        self
    }

    pub(crate) fn with_related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related = Some((span, message.into()));
        self
    }
}
