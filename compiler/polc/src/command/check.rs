//! `polc check`: say what is wrong with packages.

use polc_diagnostics::Severity;

use super::{count, finish, fix, watch};
use crate::{
    cli::{CheckArguments, CheckFormat},
    output::Outcome,
    package::{self, Loaded, LoadedPackage},
    render,
    strictness::Strictness,
};

/// Checks every package of the given paths, once or whenever something changes.
pub(crate) fn run(arguments: &CheckArguments) -> Outcome {
    if arguments.watch {
        return watch::run(arguments);
    }
    once(arguments, package::load(&arguments.paths)).0
}

/// Runs the lints, applies fixes if asked to, and says what was found. Returns the packages, for
/// the next time.
pub(super) fn once(
    arguments: &CheckArguments,
    mut loaded: Loaded,
) -> (Outcome, Vec<LoadedPackage>) {
    loaded = loaded.with_strictness(Strictness::of(arguments.permissive));
    let inventory = loaded.read_inventory(arguments.inventory.as_deref());
    let mut fixed = 0;
    for package in &mut loaded.packages {
        package.lint(inventory.as_ref());
        if arguments.fix {
            match fix::apply(package, |package| package.lint(inventory.as_ref())) {
                Ok(count) => fixed += count,
                Err(error) => loaded.errors.push(error),
            }
        }
    }
    let format = arguments.format;
    let mut text = render::packages(&loaded.packages, format);
    // With nothing read, the operational errors say it all.
    if format == CheckFormat::Human && !loaded.packages.is_empty() {
        if fixed > 0 {
            text.extend_from_slice(format!("fixed {}\n", count(fixed, "finding")).as_bytes());
        }
        text.extend_from_slice(summary(&loaded.packages).as_bytes());
        let first = loaded
            .packages
            .iter()
            .flat_map(LoadedPackage::diagnostics)
            .next();
        if let Some(first) = first {
            text.extend_from_slice(format!("`polc explain {}` says more\n", first.code).as_bytes());
        }
    }
    let mut outcome = outcome(&loaded.packages);
    if arguments.deny_warnings
        && loaded
            .packages
            .iter()
            .any(|one| !one.diagnostics().is_empty())
    {
        outcome = Outcome::Findings;
    }
    let outcome = finish(&text, &loaded.errors, format.of_errors(), outcome);
    (outcome, loaded.packages)
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
