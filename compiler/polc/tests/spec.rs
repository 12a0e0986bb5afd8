//! Runs the executable specification in policies/spec: Markdown files, where each section with
//! `pol` blocks is a case.
//!
//! - A block ```` ```pol ```` is the file `main.pol`; ```` ```pol other.pol ```` names another.
//! - A block ```` ```diagnostics ```` is what `polc test --format plain` says about them, apart from the
//!   counts. Without one, it must say nothing.
//! - The files' own `test` items say what the policies mean, and run. A case must have a check that
//!   passes, or expect a diagnostic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::{fmt::Write, fs, path::PathBuf};

use support::Files;

struct Case {
    title: String,
    line: usize,
    files: Vec<(String, String)>,
    diagnostics: String,
}

/// The cases of a suite, in order.
fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut block: Option<(String, String)> = None;
    for (index, line) in text.lines().enumerate() {
        if let Some((info, content)) = &mut block {
            if line != "```" {
                content.push_str(line);
                content.push('\n');
                continue;
            }
            let case = cases.last_mut().expect("a block before the first section");
            match info.split_whitespace().collect::<Vec<_>>()[..] {
                ["pol"] => case.files.push(("main.pol".to_owned(), content.clone())),
                ["pol", name] => case.files.push((name.to_owned(), content.clone())),
                ["diagnostics"] => case.diagnostics.push_str(content),
                _ => panic!("line {}: unknown block `{info}`", index + 1),
            }
            block = None;
        } else if let Some(info) = line.strip_prefix("```") {
            block = Some((info.to_owned(), String::new()));
        } else if let Some(title) = line.strip_prefix("## ") {
            cases.push(Case {
                title: title.to_owned(),
                line: index + 1,
                files: Vec::new(),
                diagnostics: String::new(),
            });
        }
    }
    assert!(block.is_none(), "a block is never closed");
    cases.retain(|case| !case.files.is_empty());
    cases
}

/// What does not fit, if anything.
fn run(case: &Case) -> Option<String> {
    let files = Files::new(
        case.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let run = files.polc(&["test", "--format", "plain", "."]);
    if !run.err.is_empty() {
        return Some(format!("it could not run:\n{}", run.err));
    }
    let (counts, lines): (Vec<&str>, Vec<&str>) = run
        .out
        .lines()
        .partition(|line| line.contains(" passed, ") && line.contains(" failed"));
    let actual: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if actual != case.diagnostics {
        return Some(difference(&case.diagnostics, &actual));
    }
    let [counts] = counts[..] else {
        return Some(format!("expected one line of counts, found {counts:?}"));
    };
    let is_vacuous = counts == "0 passed, 0 failed" && actual.is_empty();
    is_vacuous.then(|| "it neither checks a flow nor expects a diagnostic".to_owned())
}

fn difference(expected: &str, actual: &str) -> String {
    let mut text = String::from("the diagnostics differ\n");
    for line in expected
        .lines()
        .filter(|line| !actual.lines().any(|other| other == *line))
    {
        writeln!(text, "  - {line}").unwrap();
    }
    for line in actual
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line))
    {
        writeln!(text, "  + {line}").unwrap();
    }
    text
}

#[test]
fn the_language_is_as_the_specification_says() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies/spec");
    let mut suites: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    suites.sort();
    let mut number = 0;
    let mut failures = String::new();
    for suite in suites {
        let name = suite.file_name().unwrap().to_string_lossy().into_owned();
        for case in cases(&fs::read_to_string(&suite).unwrap()) {
            number += 1;
            if let Some(what) = run(&case) {
                writeln!(failures, "{name}:{}: {}\n{what}\n", case.line, case.title).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(number >= 150, "only {number} cases");
}

#[test]
fn every_package_of_the_repository_checks_and_tests_clean() {
    let run = |command| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let output = support::command(&[command, "policies"])
            .current_dir(root)
            .output()
            .unwrap();
        support::Run::from(output)
    };
    let check = run("check");
    assert!(check.out.starts_with("no findings"), "{}", check.out);
    let test = run("test");
    assert!(
        test.out.ends_with(" passed, 0 failed, 3 undecided\n"),
        "{}",
        test.out
    );
}
