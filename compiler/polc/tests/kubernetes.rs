//! Runs policies/kubernetes: Markdown files, where each section with `yaml` blocks is a case. See the
//! README there. With `POLC_UPDATE` set, what is expected becomes what is found, to be read in the diff.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::{fmt::Write as _, fs};

use support::{
    Files,
    suite::{Section, difference, sections, suites},
};

/// What comes of a case: what its policies mean, in our own language, and what is said about them.
struct Found {
    pol: String,
    diagnostics: String,
}

fn run(case: &Section) -> Found {
    let files = case.files("yaml");
    let files = Files::new(files.iter().map(|(path, text)| (&**path, &**text)));
    let arguments = case.block("arguments").map_or("", |block| &block.text);
    let mut check = vec!["check", "--format", "plain"];
    check.extend(arguments.split_whitespace());
    check.push(".");
    let check = files.polc(&check);
    assert!(check.err.is_empty(), "{}: {}", case.title, check.err);
    let is_about_all = |line: &&str| !line.contains(": ");
    let lines = check.out.lines().filter(|line| !is_about_all(line));
    // `package` is the same word for all of them.
    let convert = files.polc(&["convert", "."]);
    let pol = convert.out.split_once("\n\n").filter(|_| convert.code == 0);
    assert!(convert.code < 2, "{}: {}", case.title, convert.err);
    Found {
        pol: pol.map_or(String::new(), |(_, pol)| pol.to_owned()),
        diagnostics: lines.map(|line| format!("{line}\n")).collect(),
    }
}

/// The text of a suite with other expectations.
fn updated(text: &str, cases: &[Section]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text.lines().enumerate().peekable();
    let mut expected: Vec<(usize, String)> = Vec::new();
    for case in cases {
        let found = run(case);
        for (info, text) in [("pol", found.pol), ("diagnostics", found.diagnostics)] {
            if let Some(block) = case.block(info) {
                expected.push((block.line, text));
            }
        }
    }
    let mut updated = String::new();
    while let Some((index, line)) = rest.next() {
        lines.push(line);
        writeln!(updated, "{line}").unwrap();
        let block = expected.iter().find(|(first, _)| *first == index + 2);
        if let Some((_, text)) = block {
            updated.push_str(text);
            while rest.next_if(|(_, line)| *line != "```").is_some() {}
        }
    }
    updated
}

#[test]
fn kubernetes_policies_mean_what_the_specification_says() {
    let mut number = 0;
    let mut failures = String::new();
    for suite in suites("policies/kubernetes") {
        let name = suite.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&suite).unwrap();
        let cases = sections(&text);
        let cases: Vec<Section> = cases
            .into_iter()
            .filter(|case| !case.files("yaml").is_empty())
            .collect();
        if std::env::var_os("POLC_UPDATE").is_some() {
            fs::write(&suite, updated(&text, &cases)).unwrap();
            continue;
        }
        for case in &cases {
            number += 1;
            let found = run(case);
            let mut differs = |info: &str, actual: &str| {
                let expected = case.block(info).map_or("", |block| &block.text);
                if actual != expected && (case.block(info).is_some() || info == "diagnostics") {
                    let what = difference(expected, actual);
                    let (line, title) = (case.line, &case.title);
                    writeln!(failures, "{name}:{line}: {title}: {info}\n{what}").unwrap();
                }
            };
            differs("pol", &found.pol);
            differs("diagnostics", &found.diagnostics);
            let says_nothing = case.block("pol").is_none() && case.block("diagnostics").is_none();
            assert!(!says_nothing, "{name}: {} expects nothing", case.title);
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    let is_update = std::env::var_os("POLC_UPDATE").is_some();
    assert!(number > 0 || is_update, "no cases");
}
