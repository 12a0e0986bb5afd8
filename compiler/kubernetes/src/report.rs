//! Where the diagnostics of one file are collected.

use std::sync::Arc;

use polc_diagnostics::{Code, Diagnostic, Place};

use crate::located::Span;

pub(crate) struct Report {
    file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            diagnostics: Vec::new(),
        }
    }

    /// A place in the file.
    pub(crate) fn place(&self, span: Span) -> Place {
        Place {
            file: Arc::clone(&self.file),
            range: span.start..span.end.max(span.start),
        }
    }

    /// Adds a diagnostic at `span`, as `refine` completes it.
    pub(crate) fn add(
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

    /// A value that the API server would refuse: what is wrong, and what would do.
    pub(crate) fn invalid(
        &mut self,
        headline: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) {
        self.add(Code::InvalidValue, headline, span, label, |_, one| one);
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
