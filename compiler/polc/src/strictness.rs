//! What becomes of policies that say what polc cannot enforce yet.

use polc_diagnostics::{Code, Severity};
use polc_frontend::{Analysis, SourceKind};

/// Whether a package with such a policy has a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It has none: it is an error.
    #[default]
    Strict,
    /// It has one, with a warning: what would allow with it allows nothing, and what would deny denies
    /// all it could.
    Permissive,
}

impl Strictness {
    /// From the option of the command line.
    pub(crate) const fn of(permissive: bool) -> Self {
        match permissive {
            true => Self::Permissive,
            false => Self::Strict,
        }
    }

    /// Makes warnings of errors that it permits. Files in Pol are never meant: there an error leaves
    /// nothing behind that would be safe to go on with.
    pub(crate) fn apply(self, analysis: &mut Analysis) {
        if self == Self::Strict {
            return;
        }
        for diagnostic in &mut analysis.diagnostics {
            let file = &diagnostic.primary.place.file;
            let is_permitted = diagnostic.code == Code::Unsupported
                && SourceKind::of(file) == SourceKind::Kubernetes;
            if is_permitted {
                diagnostic.severity = Severity::Warning;
            }
        }
    }
}
