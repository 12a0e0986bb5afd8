//! Runs the suites in policies/cluster: Markdown files, where each section with `yaml` blocks is a case.
//! They are written as those of policies: see the README there.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "cases are read from files, and a test that panics fails"
)]

mod print;
#[path = "../../../kubernetes/tests/spec/runner.rs"]
mod runner;
#[path = "../../../kubernetes/tests/spec/suite.rs"]
mod suite;

use std::path::PathBuf;

use polc_cluster::Cluster;
use suite::{Outcome, Section};

/// What is made of a case. The cluster is left out where the files have mistakes and the case says
/// nothing about it.
fn outcome(section: &Section) -> Outcome {
    let files = section.files.iter();
    let files = files.map(|(name, text)| (name.as_str(), text.as_str()));
    let (cluster, diagnostics) = Cluster::read(files.clone());
    let mut outcome = Outcome::default();
    for (name, text) in files {
        let found = diagnostics
            .iter()
            .filter(|one| *one.primary.place.file == *name);
        print::diagnostics(text, found, &mut outcome.error);
    }
    if outcome.error.is_empty() || !section.expected.model.is_empty() {
        print::cluster(&cluster, &mut outcome.model);
    }
    outcome
}

#[test]
fn objects_are_what_the_suites_say() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/cluster");
    let cases = runner::run_all(&root, outcome);
    assert!(cases >= 60, "only {cases} cases");
}
