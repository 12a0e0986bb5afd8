//! Compiling a checked package, with errors at the policies that cause them.

use std::sync::Arc;

use polc_bundle::{Bundle, CompileError};
use polc_codegen::Cause;
use polc_diagnostics::{Code, Diagnostic, Place};
use polc_model::PolicyId;
use polc_plan::{ClassKey, Unsupported};

use crate::package::LoadedPackage;

/// Compiles a package without errors.
pub(super) fn bundle(
    package: &LoadedPackage,
    classes: Vec<ClassKey>,
) -> Result<Bundle, Vec<Diagnostic>> {
    let model = &package.analysis.model;
    Bundle::compile(model.clone(), classes).map_err(|error| match &error {
        CompileError::Unsupported(found) => {
            found.iter().map(|one| unsupported(package, one)).collect()
        }
        CompileError::Budget(cause) => {
            let help = match cause.cause {
                Cause::Names(_) => "write some of the ports as numbers",
                _ => "write fewer rules for one port, or merge peers with `|`",
            };
            vec![over_budget(package, &error, error.policies(), help)]
        }
        CompileError::Elf(_) => {
            let help = "this is a fault of polc";
            vec![over_budget(package, &error, error.policies(), help)]
        }
    })
}

fn unsupported(package: &LoadedPackage, found: &Unsupported) -> Diagnostic {
    let model = &package.analysis.model;
    let at = found.site.origin(model);
    let label = match found.site.item(model) {
        Some((kind, name)) => format!("the {kind} `{name}` uses it"),
        None => String::new(),
    };
    Diagnostic::new(
        Code::Unsupported,
        found.to_string(),
        at.map_or_else(nowhere, |origin| package.place_of(origin)),
        label,
    )
    .with_help("`polc check` and `polc test` understand it; leave it out to build a bundle")
}

fn over_budget(
    package: &LoadedPackage,
    error: &CompileError,
    policies: &[PolicyId],
    help: &str,
) -> Diagnostic {
    let label = "this policy takes part";
    let model = &package.analysis.model;
    let policies = policies.iter().filter_map(|&id| model.policy(id));
    let mut places = policies.map(|policy| package.place_of(&policy.origin));
    let first = places.next().unwrap_or_else(nowhere);
    let mut diagnostic =
        Diagnostic::new(Code::OverBudget, error.to_string(), first, label).with_help(help);
    for place in places {
        diagnostic = diagnostic.with_label(place, label);
    }
    diagnostic
}

fn nowhere() -> Place {
    Place {
        file: Arc::from(""),
        range: 0..0,
    }
}
