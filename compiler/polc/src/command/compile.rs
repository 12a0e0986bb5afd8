//! Compiling a checked package, with errors at the policies that cause them.

use std::sync::Arc;

use polc_bundle::{Bundle, CompileError};
use polc_diagnostics::{Code, Diagnostic, Place};
use polc_model::Policy;
use polc_plan::ClassKey;

use crate::{package::LoadedPackage, verify::place};

/// Compiles a package without errors.
pub(super) fn bundle(
    package: &LoadedPackage,
    classes: Vec<ClassKey>,
) -> Result<Bundle, Vec<Diagnostic>> {
    let model = &package.analysis.model;
    Bundle::compile(model.clone(), classes).map_err(|error| {
        let policies = error.policies().iter().filter_map(|&id| model.policy(id));
        vec![finding(package, &error, &policies.collect::<Vec<_>>())]
    })
}

fn finding(package: &LoadedPackage, error: &CompileError, policies: &[&Policy]) -> Diagnostic {
    let (code, label, help) = match error {
        CompileError::Unsupported(_) => (
            Code::Unsupported,
            "this policy uses it",
            "`polc check` and `polc test` understand it; leave it out to build a bundle",
        ),
        CompileError::Budget(_) => (
            Code::OverBudget,
            "this policy takes part",
            "write fewer rules for one port, or merge peers with `|`",
        ),
        CompileError::Elf(_) => (
            Code::OverBudget,
            "this policy takes part",
            "this is a fault of polc",
        ),
    };
    let mut places = policies.iter().map(|policy| place(package, &policy.origin));
    let first = places.next().unwrap_or_else(|| Place {
        file: Arc::from(""),
        range: 0..0,
    });
    let mut diagnostic = Diagnostic::new(code, error.to_string(), first, label).with_help(help);
    for place in places {
        diagnostic = diagnostic.with_label(place, label);
    }
    diagnostic
}
