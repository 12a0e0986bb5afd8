//! Where the diagnostics of one file are collected.

use std::sync::Arc;

use polc_diagnostics::{Code, Diagnostic, Place};
use polc_syntax::Span;

/// The place of a span.
pub(crate) fn place(file: &Arc<str>, span: Span) -> Place {
    Place {
        file: Arc::clone(file),
        range: span.start..span.end,
    }
}

/// Diagnostics about one file.
pub(crate) struct Sink {
    file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
}

impl Sink {
    pub(crate) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            diagnostics: Vec::new(),
        }
    }

    /// A place in the file.
    pub(crate) fn place(&self, span: Span) -> Place {
        place(&self.file, span)
    }

    /// Adds a diagnostic at `span`, as `refine` completes it.
    pub(crate) fn report(
        &mut self,
        code: Code,
        headline: impl Into<String>,
        span: Span,
        label: impl Into<String>,
        refine: impl FnOnce(&Self, Diagnostic) -> Diagnostic,
    ) {
        let diagnostic = Diagnostic::new(code, headline, self.place(span), label);
        let diagnostic = refine(self, diagnostic);
        self.diagnostics.push(diagnostic);
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
