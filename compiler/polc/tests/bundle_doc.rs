//! `docs/bundle.md` says what is in a bundle: its tables are compared with a real one.

#![expect(clippy::unwrap_used, reason = "a test that panics fails")]

mod support;

use std::{collections::BTreeSet, fs, process::Command};

use polc_bundle::FORMAT_VERSION;
use serde_json::Value;
use support::Files;

const PAGE: &str = include_str!("../../../docs/bundle.md");

type Names = BTreeSet<String>;

/// The lines from a heading to the next one.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split_once("\n#").map_or(rest, |(section, _)| section)
}

/// What stands in backticks.
fn quoted(text: &str) -> Names {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// What the first column of a section's table names.
fn first_column(heading: &str) -> Names {
    let rows = section(heading)
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap()))
        .collect()
}

/// The names of all fields, but those of maps, whose fields are data.
fn fields(value: &Value, maps: &[&str], found: &mut Names) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                if !maps.contains(&name.as_str()) {
                    fields(value, maps, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, maps, found)),
        _ => {}
    }
}

/// The shop, unpacked by tar, with the names of its entries in order.
fn shop() -> (Files, Vec<String>) {
    let files = Files::new([]);
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/examples/shop");
    assert_eq!(files.polc(&["build", shop]).code, 0);
    let output = Command::new("tar")
        .args(["xvf", "shop.polb"])
        .current_dir(files.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    let listed = String::from_utf8(output.stdout).unwrap();
    let entries = listed.lines().map(str::to_owned).collect();
    (files, entries)
}

fn json(files: &Files, entry: &str) -> Value {
    serde_json::from_slice(&fs::read(files.path().join(entry)).unwrap()).unwrap()
}

#[test]
fn the_version_is_the_one_that_is_written() {
    assert!(PAGE.contains(&format!("The format's version is **{FORMAT_VERSION}**.")));
    let last = section("## Versions")
        .lines()
        .rfind(|line| line.starts_with("| "));
    let version = last
        .unwrap()
        .split(['|', ' '])
        .find(|word| !word.is_empty());
    assert_eq!(version, Some(FORMAT_VERSION.to_string().as_str()));
}

#[test]
fn the_entries_are_those_of_a_bundle_in_order() {
    let (_files, entries) = shop();
    let mut kinds: Vec<String> = entries
        .iter()
        .map(|entry| match entry.strip_prefix("programs/") {
            Some(_) => "programs/N.o".to_owned(),
            None => entry.clone(),
        })
        .collect();
    kinds.dedup();
    let rows = section("## Entries")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let documented: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    assert_eq!(documented, kinds);
    let last = entries.last().unwrap();
    assert_eq!(*last, format!("programs/{}.o", entries.len() - 5));
}

#[test]
fn the_fields_are_those_of_a_bundle() {
    let (files, _) = shop();
    let documented = |entry: &str| quoted(section(&format!("### {entry}")));

    let mut manifest = Names::new();
    fields(&json(&files, "manifest.json"), &["entries"], &mut manifest);
    assert_eq!(first_column("### manifest.json"), manifest);

    // What a table is about is there, or would be in a package that uses more of the language.
    let unused = [
        "services",
        "namespace_label",
        "assertions",
        "audited",
        "bitmap",
    ]
    .map(str::to_owned);
    for entry in ["model.json", "plan.json"] {
        let mut found = Names::new();
        fields(
            &json(&files, entry),
            &["labels", "namespace_labels", "ports"],
            &mut found,
        );
        let told = documented(entry);
        let missing: Vec<&String> = found.difference(&told).collect();
        assert!(
            missing.is_empty(),
            "{entry}: fields without a word: {missing:?}"
        );
        found.extend(unused.clone());
        let rows = first_column(&format!("### {entry}"));
        let gone: Vec<&String> = rows.difference(&found).collect();
        assert!(gone.is_empty(), "{entry}: no such fields: {gone:?}");
    }
}

#[test]
fn the_sections_of_a_program_are_those_of_an_object_file() {
    let (files, _) = shop();
    let elf = fs::read(files.path().join("programs/0.o")).unwrap();
    let mut documented = first_column("### programs/N.o");
    assert!(
        documented.remove(".rodata"),
        "only where a class has a table"
    );
    for name in documented {
        let name = name.trim_end_matches("NAME").as_bytes();
        let found = elf.windows(name.len()).any(|window| window == name);
        assert!(found, "no section {}", String::from_utf8_lossy(name));
    }
}

#[test]
fn every_command_on_the_page_is_one() {
    let lines = PAGE.lines().filter_map(|line| line.strip_prefix("polc "));
    let mut count = 0;
    for line in lines {
        let subcommand = line.split(' ').next().unwrap();
        let help = support::command(&[subcommand, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let words = line.split('#').next().unwrap().split(' ');
        for flag in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "`polc {subcommand}` has no {flag}");
        }
        count += 1;
    }
    assert!(count > 3, "the page shows {count} commands");
}
