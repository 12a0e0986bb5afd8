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

use std::{fmt::Write, fs};

use support::{
    Files,
    suite::{Section, difference, sections, suites},
};

/// What does not fit, if anything.
fn run(case: &Section) -> Option<String> {
    let files = case.files("pol");
    let unknown = case.blocks.iter().map(|block| block.info.as_str());
    let mut unknown = unknown.filter(|info| *info != "diagnostics" && !info.starts_with("pol"));
    if let Some(info) = unknown.next() {
        return Some(format!("unknown block `{info}`"));
    }
    let files = files.iter().map(|(path, text)| (&**path, &**text));
    let run = Files::new(files).polc(&["test", "--format", "plain", "."]);
    if !run.err.is_empty() {
        return Some(format!("it could not run:\n{}", run.err));
    }
    let (counts, lines): (Vec<&str>, Vec<&str>) = run
        .out
        .lines()
        .partition(|line| line.contains(" passed, ") && line.contains(" failed"));
    let actual: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let expected = case.block("diagnostics").map_or("", |block| &block.text);
    if actual != expected {
        return Some(format!(
            "the diagnostics differ\n{}",
            difference(expected, &actual)
        ));
    }
    let [counts] = counts[..] else {
        return Some(format!("expected one line of counts, found {counts:?}"));
    };
    let is_vacuous = counts == "0 passed, 0 failed" && actual.is_empty();
    is_vacuous.then(|| "it neither checks a flow nor expects a diagnostic".to_owned())
}

#[test]
fn the_language_is_as_the_specification_says() {
    let mut number = 0;
    let mut failures = String::new();
    for suite in suites("policies/spec") {
        let name = suite.file_name().unwrap().to_string_lossy().into_owned();
        let all = sections(&fs::read_to_string(&suite).unwrap());
        for case in all.iter().filter(|one| !one.files("pol").is_empty()) {
            number += 1;
            if let Some(what) = run(case) {
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
