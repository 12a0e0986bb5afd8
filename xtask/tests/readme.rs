//! The README's example prints what the README says it prints.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its way to fail")]

use std::{path::Path, process::Command};

/// The content of the first code block of this language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let start = format!("```{language}\n");
    let (_, rest) = text.split_once(&start).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_example_prints_what_the_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = std::env::temp_dir().join(format!("polc-readme-{}", std::process::id()));
    let package = folder.join("hello");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("hello.pol"), block(&readme, "pol")).unwrap();

    let output = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "polc",
            "--manifest-path",
        ])
        .arg(root.join("Cargo.toml"))
        .args(["--", "test", "hello"])
        .env("NO_COLOR", "1")
        .current_dir(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();

    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        format!("$ polc test hello\n{printed}"),
        block(&readme, "text")
    );
    assert_eq!(output.status.code(), Some(1));
}
