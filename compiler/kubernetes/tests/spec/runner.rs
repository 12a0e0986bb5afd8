//! Runs suites: what is made of each case is compared with what its section says.

use std::{
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::suite::{Outcome, Section, Suite};

/// Runs every suite below a directory, of which `outcome` says what is made of a case. How many cases
/// there are.
pub(crate) fn run_all(root: &Path, outcome: fn(&Section) -> Outcome) -> usize {
    let mut suites = Vec::new();
    find(root, &mut suites);
    suites.sort();
    let mut failures = String::new();
    let cases = suites
        .iter()
        .map(|suite| run(suite, outcome, &mut failures))
        .sum();
    assert!(failures.is_empty(), "\n{failures}");
    cases
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
fn run(path: &Path, outcome: fn(&Section) -> Outcome, failures: &mut String) -> usize {
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
                "{name}:{line}: {title}\nit holds nothing and no mistake\n"
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
