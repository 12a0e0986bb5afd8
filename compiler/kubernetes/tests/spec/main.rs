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
mod suite;

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use polc_kubernetes::Definitions;
use suite::{Outcome, Section, Suite};

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

fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::new();
    let missing = expected
        .lines()
        .filter(|line| !actual.lines().any(|other| other == *line));
    for line in missing {
        writeln!(text, "  - {line}").unwrap();
    }
    let added = actual
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line));
    for line in added {
        writeln!(text, "  + {line}").unwrap();
    }
    match text.is_empty() {
        true => format!("the order differs; found\n{actual}"),
        false => text,
    }
}

/// Runs a suite, and says what does not fit.
fn run(path: &Path, failures: &mut String) -> usize {
    let name = path.file_name().unwrap().to_string_lossy();
    let source = fs::read_to_string(path).unwrap();
    let mut suite = Suite::parse(&source);
    let update = env::var_os("UPDATE_SPEC").is_some();
    let mut cases = 0;
    for section in suite
        .sections
        .iter_mut()
        .filter(|one| !one.files.is_empty())
    {
        cases += 1;
        let actual = outcome(section);
        let (line, title) = (section.line, &section.title);
        if actual == Outcome::default() {
            writeln!(
                failures,
                "{name}:{line}: {title}\nit holds no policy and no mistake\n"
            )
            .unwrap();
        } else if update {
            section.expected = actual;
        } else if actual != section.expected {
            let of_model = difference(&section.expected.model, &actual.model);
            let of_error = difference(&section.expected.error, &actual.error);
            writeln!(failures, "{name}:{line}: {title}").unwrap();
            if actual.model != section.expected.model {
                write!(failures, "model:\n{of_model}").unwrap();
            }
            if actual.error != section.expected.error {
                write!(failures, "error:\n{of_error}").unwrap();
            }
            failures.push('\n');
        }
    }
    if update {
        fs::write(path, suite.text()).unwrap();
    }
    cases
}

/// Every suite below a directory.
fn find(directory: &Path, suites: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, suites);
        } else if path.extension().is_some_and(|extension| extension == "md")
            && path.file_name().is_some_and(|name| name != "README.md")
        {
            suites.push(path);
        }
    }
}

#[test]
fn objects_mean_what_the_suites_say() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/kubernetes");
    let mut suites = Vec::new();
    find(&root, &mut suites);
    suites.sort();
    let mut failures = String::new();
    let cases: usize = suites.iter().map(|suite| run(suite, &mut failures)).sum();
    assert!(failures.is_empty(), "\n{failures}");
    assert!(cases >= 110, "only {cases} cases");
}
