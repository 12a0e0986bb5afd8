//! Where the diagnostics of one file are collected.

use std::sync::Arc;

use polc_diagnostics::{Code, Diagnostic, Place};

use crate::located::Span;

/// The diagnostics of one file.
#[derive(Debug)]
pub struct Report {
    file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// None yet of this file.
    #[must_use]
    pub fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            diagnostics: Vec::new(),
        }
    }

    /// A place in the file.
    #[must_use]
    pub fn place(&self, span: Span) -> Place {
        Place {
            file: Arc::clone(&self.file),
            range: span.start..span.end.max(span.start),
        }
    }

    /// Adds a diagnostic at `span`, as `refine` completes it.
    pub fn add(
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
    pub fn invalid(&mut self, headline: impl Into<String>, span: Span, label: impl Into<String>) {
        self.add(Code::InvalidValue, headline, span, label, |_, one| one);
    }

    /// What was reported, in that order.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
