//! `polc init` and what it must not do.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod support;

use std::fs;

use support::Files;

#[test]
fn any_directory_name_makes_a_package_that_is_clean() {
    let files = Files::new([]);
    for name in [
        "all", "policy", "on", "std", "2nd", "Straße", "a-b.c", "_", "deep/er",
    ] {
        assert_eq!(files.polc(&["init", name]).code, 0, "{name}");
        let check = files.polc(&["check", "--deny-warnings", name]);
        assert_eq!(check.code, 0, "{name}: {}", check.out);
        assert_eq!(files.polc(&["test", name]).code, 0, "{name}");
    }
}

#[test]
fn a_package_that_exists_is_left_alone() {
    let files = Files::new([("shop/rules.pol", "package shop\n"), ("shop/notes.txt", "")]);
    let run = files.polc(&["init", "shop"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("`shop/rules.pol` exists already"),
        "{}",
        run.err
    );
    assert_eq!(
        fs::read_dir(files.path().join("shop")).unwrap().count(),
        2,
        "nothing was written"
    );
}
