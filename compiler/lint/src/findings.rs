//! Collecting what a lint finds.

use polc_diagnostics::{Diagnostic, Place};

use crate::Lint;

/// What one lint has found so far.
pub struct Findings {
    lint: &'static Lint,
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    pub(crate) const fn new(lint: &'static Lint) -> Self {
        Self {
            lint,
            diagnostics: Vec::new(),
        }
    }

    /// Reports a place. `headline` says what is the matter, `label` what it is at the place, and
    /// `finish` adds help, other places and a fix.
    pub(crate) fn report(
        &mut self,
        headline: impl Into<String>,
        place: Place,
        label: impl Into<String>,
        finish: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        let diagnostic = finish(Diagnostic::new(self.lint.code, headline, place, label));
        let name = self.lint.name;
        let how = format!("the lint `{name}` says this; `@allow({name})` before it says otherwise");
        self.diagnostics.push(diagnostic.with_note(how));
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
