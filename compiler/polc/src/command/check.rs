//! `polc check`: say what is wrong with packages.

use polc_diagnostics::Severity;

use super::{count, finish};
use crate::{
    cli::{CheckArguments, Format},
    output::Outcome,
    package::{self, LoadedPackage},
    render,
};

/// Checks every package of the given paths.
pub(crate) fn run(arguments: &CheckArguments) -> Outcome {
    let loaded = package::load(&arguments.input.paths);
    let format = arguments.input.format;
    let mut text = render::packages(&loaded.packages, format);
    // With nothing read, the operational errors say it all.
    if format == Format::Human && !loaded.packages.is_empty() {
        text.extend_from_slice(summary(&loaded.packages).as_bytes());
    }
    let outcome = outcome(&loaded.packages);
    finish(&text, &loaded.errors, format, outcome)
}

/// Findings are errors; warnings alone do not fail a run.
pub(super) fn outcome(packages: &[LoadedPackage]) -> Outcome {
    if packages.iter().any(|package| package.analysis.has_errors()) {
        Outcome::Findings
    } else {
        Outcome::Fine
    }
}

/// The last line for people.
pub(super) fn summary(packages: &[LoadedPackage]) -> String {
    let of = |severity| {
        let all = packages.iter().flat_map(LoadedPackage::diagnostics);
        all.filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let files: usize = packages
        .iter()
        .map(|package| package.sources().count())
        .sum();
    let policies: usize = packages
        .iter()
        .map(|package| package.analysis.model.policies.len())
        .sum();
    let what = match (errors, warnings) {
        (0, 0) => "no findings".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!(
        "{what} in {}: {}, {}\n",
        count(packages.len(), "package"),
        count(files, "file"),
        count(policies, "policy"),
    )
}
