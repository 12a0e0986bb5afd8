//! Runs policies/convert: Markdown files, where each section with `yaml` blocks is a case. See the
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

/// What comes of a case: for each block that it may have, what must stand in it.
fn run(case: &Section) -> Vec<(&'static str, String)> {
    let yaml = case.files("yaml");
    if yaml.is_empty() {
        let files = case.files("pol");
        let files = Files::new(files.iter().map(|(path, text)| (&**path, &**text)));
        return ["network-policy", "cilium"]
            .into_iter()
            .filter(|form| case.block(form).is_some())
            .map(|form| (form, written(&files, case, &["--to", form])))
            .collect();
    }
    let files = Files::new(yaml.iter().map(|(path, text)| (&**path, &**text)));
    let check = files.polc(&["check", "--format", "plain", "."]);
    assert!(check.err.is_empty(), "{}: {}", case.title, check.err);
    // Counts are about all of it.
    let lines = check.out.lines().filter(|line| line.contains(": "));
    let diagnostics = lines.map(|line| format!("{line}\n")).collect();
    let pol = written(&files, case, &[]);
    // `package` is the same word for all of them.
    let pol = pol.split_once("\n\n").map_or("", |(_, pol)| pol);
    vec![("pol", pol.to_owned()), ("diagnostics", diagnostics)]
}

/// What `polc convert` writes.
fn written(files: &Files, case: &Section, arguments: &[&str]) -> String {
    let convert = ["convert", "--format", "plain"];
    let arguments: Vec<&str> = convert.iter().chain(arguments).copied().collect();
    let run = files.polc(&[&arguments[..], &["."]].concat());
    assert!(run.code < 2, "{}: {}", case.title, run.err);
    run.out
}

/// The text of a suite with other expectations.
fn updated(text: &str, cases: &[Section]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text.lines().enumerate().peekable();
    let mut expected: Vec<(usize, String)> = Vec::new();
    for case in cases {
        for (info, text) in run(case) {
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
fn policies_are_written_in_other_forms_as_the_pages_say() {
    let mut number = 0;
    let mut failures = String::new();
    for suite in suites("policies/convert") {
        let name = suite.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&suite).unwrap();
        let cases = sections(&text);
        let cases: Vec<Section> = cases
            .into_iter()
            .filter(|case| !case.blocks.is_empty())
            .collect();
        if std::env::var_os("POLC_UPDATE").is_some() {
            fs::write(&suite, updated(&text, &cases)).unwrap();
            continue;
        }
        for case in &cases {
            number += 1;
            let mut expected = 0;
            for (info, actual) in run(case) {
                let Some(block) = case.block(info) else {
                    continue;
                };
                expected += 1;
                if actual != block.text {
                    let what = difference(&block.text, &actual);
                    let (line, title) = (case.line, &case.title);
                    writeln!(failures, "{name}:{line}: {title}: {info}\n{what}").unwrap();
                }
            }
            assert!(expected > 0, "{name}: {} expects nothing", case.title);
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    let is_update = std::env::var_os("POLC_UPDATE").is_some();
    assert!(number > 5 || is_update, "only {number} cases");
}
