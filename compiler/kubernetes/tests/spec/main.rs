//! Runs the suites in policies/kubernetes: Markdown files, where each section with `yaml` blocks is a
//! case. The README there says how they are written.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "cases are read from files, and a test that panics fails"
)]

mod print;
mod runner;
mod suite;

use std::{path::PathBuf, sync::Arc};

use polc_kubernetes::Definitions;
use suite::{Outcome, Section};

/// What is made of a case. The model is left out where the files have errors and the case says
/// nothing about it; not where `--permissive` goes on.
fn outcome(section: &Section) -> Outcome {
    let mut outcome = Outcome::default();
    let mut has_errors = false;
    let mut definitions = Definitions::default();
    for (_, text) in &section.files {
        definitions.merge(&polc_kubernetes::definitions(text));
    }
    for (name, text) in &section.files {
        let file = polc_kubernetes::read(&Arc::from(name.as_str()), text, &definitions);
        print::model(&file, &mut outcome.model);
        print::diagnostics(text, &file.diagnostics, &mut outcome.error);
        has_errors |= print::has_errors(&file.diagnostics);
    }
    if has_errors && section.expected.model.is_empty() {
        outcome.model.clear();
    }
    outcome
}

#[test]
fn objects_mean_what_the_suites_say() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/kubernetes");
    let cases = runner::run_all(&root, outcome);
    assert!(cases >= 200, "only {cases} cases");
}
