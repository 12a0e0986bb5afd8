//! Formatting changes no meaning: every package of the specification says after it what it said
//! before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::fs;

use support::{Files, suite::suites};

/// The packages of a suite: the `pol` blocks of each section, by name of file.
fn packages(text: &str) -> Vec<Vec<(String, String)>> {
    text.split("\n## ")
        .map(|section| {
            section
                .split("\n```pol")
                .skip(1)
                .map(|block| {
                    let (info, rest) = block.split_once('\n').unwrap();
                    let name = info.trim();
                    let name = if name.is_empty() { "main.pol" } else { name };
                    (
                        name.to_owned(),
                        rest.split("```").next().unwrap().to_owned(),
                    )
                })
                .collect()
        })
        .filter(|package: &Vec<_>| !package.is_empty())
        .collect()
}

/// What `polc test` says, without lines and columns.
fn said(files: &Files) -> Vec<String> {
    let run = files.polc(&["test", "--format", "plain", "."]);
    let without_place = |line: &str| match line.split_once(": ") {
        Some((place, rest)) => format!("{}: {rest}", place.split(':').next().unwrap()),
        None => line.to_owned(),
    };
    run.out.lines().map(without_place).collect()
}

#[test]
fn formatted_packages_say_the_same() {
    let (mut formatted, mut all) = (0, 0);
    for suite in suites("policies/spec") {
        let text = fs::read_to_string(&suite).unwrap();
        for package in packages(&text) {
            all += 1;
            let files = Files::new(
                package
                    .iter()
                    .map(|(path, text)| (path.as_str(), text.as_str())),
            );
            let before = said(&files);
            // Brackets that do not match, which some cases are about, are left alone.
            if files.polc(&["fmt", "."]).code != 0 {
                continue;
            }
            formatted += 1;
            assert_eq!(said(&files), before, "{}: {package:?}", suite.display());
            assert_eq!(files.polc(&["fmt", "--check", "."]).code, 0, "{package:?}");
        }
    }
    assert!(
        formatted >= 40 && all - formatted < 20,
        "{formatted} of {all}"
    );
}

#[test]
fn the_pages_that_teach_are_formatted() {
    for suite in suites("compiler/diagnostics/pages") {
        let text = fs::read_to_string(&suite).unwrap();
        let right = text.split_once("\n## Right").unwrap().1;
        for package in packages(right) {
            let files = Files::new(
                package
                    .iter()
                    .map(|(path, text)| (path.as_str(), text.as_str())),
            );
            let run = files.polc(&["fmt", "--check", "."]);
            assert_eq!(run.code, 0, "{}\n{}", suite.display(), run.out);
        }
    }
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let files = Files::new([("real/web.pol", "package  shop\n"), ("shop/notes.txt", "")]);
    let real = files.path().join("real/web.pol");
    let link = files.path().join("shop/web.pol");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("../real/web.pol", &link).unwrap();

    assert_eq!(files.polc(&["fmt", "shop"]).code, 0);
    assert_eq!(fs::read_to_string(&real).unwrap(), "package shop\n");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
}
