//! What becomes of real policies that nobody here wrote, file by file: whether `polc check` accepts
//! them, and what it refuses where.
//!
//! They are in a directory beside the project, and not part of it: where it is absent, the test says
//! so and is done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod support;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Every file below a directory that is YAML or JSON, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "json")
        {
            found.push(path);
        }
    }
    found
}

/// `accepted`, or each error's code and line.
fn outcome(folder: &Path, file: &Path) -> String {
    let name = file.to_string_lossy();
    let output = support::command(&["check", "--format", "plain", &name])
        .current_dir(folder)
        .output()
        .unwrap();
    let run = support::Run::from(output);
    if run.err.contains("polc::path::no_objects") {
        return "holds no objects".to_owned();
    }
    assert!(run.code < 2, "{name}: {}", run.err);
    let errors = run.out.lines().filter_map(|line| {
        let (place, rest) = line.split_once(": error[")?;
        let (code, _) = rest.split_once(']')?;
        let mut of_place = place.rsplitn(3, ':').skip(1);
        Some(format!("{code}:{}", of_place.next()?))
    });
    let errors: Vec<String> = errors.collect();
    match run.code {
        0 => "accepted".to_owned(),
        _ => format!("refused {}", errors.join(" ")),
    }
}

/// Whether what is accepted is converted as well: `polc convert` compares what it writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Converted {
    Checked,
    /// Most of the files hold no policies.
    Unchecked,
}

/// Our own language says everything. Objects say it, or `polc convert` says what they cannot.
fn check_converted(folder: &Path, file: &Path) {
    let name = file.to_string_lossy();
    for (form, most) in [("pol", 0), ("cilium", 1), ("network-policy", 1)] {
        let output = support::command(&["convert", "--to", form, &name])
            .current_dir(folder)
            .output()
            .unwrap();
        let run = support::Run::from(output);
        assert!(run.code <= most, "{name}: {form}: {}{}", run.out, run.err);
    }
}

fn table(folder: &str, converted: Converted) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder_path = root.join(folder);
    if !folder_path.is_dir() {
        println!("skipped {folder}: no such folder beside the project");
        return;
    }
    let mut table = String::new();
    for path in files(&folder_path) {
        let file = path.strip_prefix(&folder_path).unwrap();
        let outcome = outcome(&folder_path, file);
        if outcome == "accepted" && converted == Converted::Checked {
            check_converted(&folder_path, file);
        }
        writeln!(table, "{}: {outcome}", file.display()).unwrap();
    }
    assert!(!table.is_empty(), "{folder} holds no files");
    support::snapshot("corpus", folder, &table);
}

#[test]
fn cilium_examples() {
    table("cilium-examples", Converted::Checked);
}

#[test]
fn connectivity_tests() {
    table("connectivity-tests", Converted::Checked);
}

#[test]
fn connectivity_check() {
    table("connectivity-check", Converted::Checked);
}

#[test]
fn recipes() {
    table("recipes", Converted::Checked);
}

#[test]
fn netpol() {
    table("netpol", Converted::Unchecked);
}
