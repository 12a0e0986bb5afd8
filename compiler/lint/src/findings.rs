//! Collecting what a lint finds.

use polc_diagnostics::{Diagnostic, Place};
use polc_frontend::SourceKind;

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
        let otherwise = match is_of_kubernetes(&diagnostic) {
            true => format!("the comment `# @allow({name})`"),
            false => format!("`@allow({name})`"),
        };
        let how = format!("the lint `{name}` says this; {otherwise} before it says otherwise");
        self.diagnostics.push(diagnostic.with_note(how));
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// Says what to do: `pol` where the place is in a `.pol` file, `yaml` where it is in an object of Kubernetes.
pub(crate) fn with_advice(
    diagnostic: Diagnostic,
    pol: impl Into<String>,
    yaml: impl Into<String>,
) -> Diagnostic {
    match is_of_kubernetes(&diagnostic) {
        true => diagnostic.with_help(yaml),
        false => diagnostic.with_help(pol),
    }
}

fn is_of_kubernetes(diagnostic: &Diagnostic) -> bool {
    SourceKind::of(&diagnostic.primary.place.file) == SourceKind::Kubernetes
}
