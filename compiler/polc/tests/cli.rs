//! The command line: exit codes, streams and formats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::{
    fs,
    io::{BufRead, Read},
    process::Stdio,
};

use support::{Files, command, snapshot};

const GOOD: &str = "package shop
policy web for { app: \"web\" } { ingress { allow from world on tcp 443 } }
test \"the world reads the web\" {
  given web = endpoint { app: \"web\" }
  192.0.2.1 -> web tcp 443 is allowed by web
  192.0.2.1 -> web tcp 80 is denied
}
";
const BAD: &str = "package shop\npolicy web for wbe { ingress {} }\n";

fn shown(name: &str, files: &Files, arguments: &[&str]) -> i32 {
    let run = files.polc(arguments);
    snapshot("cli", name, &run.shown(arguments));
    run.code
}

#[test]
fn a_package_without_findings_is_fine() {
    let files = Files::new([("shop/web.pol", GOOD)]);
    assert_eq!(shown("check_fine", &files, &["check", "shop"]), 0);
    assert_eq!(shown("test_fine", &files, &["test", "shop"]), 0);
    assert_eq!(
        shown(
            "test_fine_json",
            &files,
            &["test", "--format", "json", "shop"]
        ),
        0
    );
}

#[test]
fn findings_are_shown_in_every_format() {
    let files = Files::new([
        ("shop/web.pol", BAD),
        ("shop/names.pol", "endpoints web = { app: \"web\" }\n"),
    ]);
    for format in ["human", "plain", "json"] {
        let name = format!("check_findings_{format}");
        assert_eq!(
            shown(&name, &files, &["check", "--format", format, "shop"]),
            1
        );
    }
    assert_eq!(shown("test_errors", &files, &["test", "shop"]), 1);
}

#[test]
fn failed_checks_are_findings() {
    let failing = GOOD.replace("80 is denied", "80 is allowed");
    let files = Files::new([("web.pol", failing.as_str())]);
    for format in ["human", "plain", "json"] {
        let name = format!("test_failed_{format}");
        assert_eq!(
            shown(&name, &files, &["test", "--format", format, "web.pol"]),
            1
        );
    }
}

#[test]
fn warnings_do_not_fail_a_run() {
    let files = Files::new([("web.pol", "package shop\npolicy web for {} { audit }\n")]);
    assert_eq!(shown("check_warning", &files, &["check", "web.pol"]), 0);
}

#[test]
fn every_directory_with_policies_is_a_package() {
    let files = Files::new([
        ("all/b/web.pol", GOOD),
        ("all/a/web.pol", BAD),
        ("all/a/deep/web.pol", GOOD),
        ("all/a/notes.txt", "not a policy"),
    ]);
    assert_eq!(shown("check_many", &files, &["check", "all"]), 1);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_checked() {
    let files = Files::new([
        ("shop/web.pol", BAD),
        ("empty/notes.txt", ""),
        ("notes.txt", ""),
    ]);
    let arguments = ["check", "missing", "empty", "notes.txt", "shop"];
    assert_eq!(shown("check_could_not_run", &files, &arguments), 2);
    let plain = [
        "check",
        "--format",
        "plain",
        "missing",
        "empty",
        "notes.txt",
        "shop",
    ];
    assert_eq!(shown("check_could_not_run_plain", &files, &plain), 2);
}

#[test]
fn a_file_that_is_not_text_is_said() {
    let files = Files::new([("shop/web.pol", GOOD)]);
    fs::write(
        files.path().join("shop/bad.pol"),
        b"package shop\n// \xff\n",
    )
    .unwrap();
    assert_eq!(shown("check_not_text", &files, &["check", "shop"]), 2);
}

#[test]
fn a_path_given_twice_is_checked_once() {
    let files = Files::new([("shop/web.pol", BAD)]);
    let run = files.polc(&["check", "--format", "plain", "shop", "shop/web.pol", "shop"]);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
}

#[test]
fn colours_follow_the_terminal_and_the_environment() {
    let files = Files::new([("web.pol", BAD)]);
    let run = |key: &str, value: &str| {
        let output = command(&["check", "web.pol"])
            .current_dir(files.path())
            .env(key, value)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("CLICOLOR_FORCE", "1").contains('\u{1b}'));
    assert!(!run("NO_COLOR", "1").contains('\u{1b}'));
    assert!(
        !run("TERM", "xterm").contains('\u{1b}'),
        "a pipe is no terminal"
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let many: String = (0..1000)
        .map(|number| format!("endpoints e{number} = nobody\n"))
        .collect();
    let files = Files::new([("web.pol", format!("package shop\n{many}").as_str())]);
    let mut child = command(&["check", "web.pol"])
        .current_dir(files.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert_eq!(error, "");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

const WARNED: &str = "package shop
policy web for { app: \"web\" } { ingress { allow from world on tcp 22 } }
policy last for {} { tier baseline
egress { pass to cluster } }
";

#[test]
fn lints_are_warnings_that_a_run_may_refuse() {
    let files = Files::new([("shop/web.pol", WARNED)]);
    assert_eq!(shown("check_lints", &files, &["check", "shop"]), 0);
    assert_eq!(files.polc(&["check", "--deny-warnings", "shop"]).code, 1);
}

#[test]
fn code_scanning_and_annotations_have_formats_of_their_own() {
    let files = Files::new([
        ("shop/web.pol", BAD),
        ("shop/names.pol", "endpoints web = { app: \"web\" }\n"),
    ]);
    assert_eq!(
        shown(
            "check_github",
            &files,
            &["check", "--format", "github", "shop"]
        ),
        1
    );
    let run = files.polc(&["check", "--format", "sarif", "shop"]);
    assert_eq!(run.code, 1);
    // The types of the 2.1.0 schema take it.
    let log: serde_sarif::sarif::Sarif = serde_json::from_str(&run.out).unwrap();
    let result = &log.runs[0].results.as_ref().unwrap()[0];
    assert_eq!(result.rule_id.as_deref(), Some("P0101"));
    // The rules are the registry, which changes more often than the format.
    let mut value: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    value["runs"][0]["tool"]["driver"]["rules"] = "...".into();
    value["runs"][0]["results"][0]["ruleIndex"] = "...".into();
    snapshot(
        "cli",
        "check_sarif",
        &serde_json::to_string_pretty(&value).unwrap(),
    );
}

#[test]
fn safe_fixes_are_written_and_others_are_not() {
    let source = format!(
        "{WARNED}policy open for {{ app: \"wbe\" }} {{ egress {{ allow to 10.0.0.1/8 }} }}\n"
    );
    let files = Files::new([("shop/web.pol", WARNED), ("bad/web.pol", source.as_str())]);
    assert_eq!(shown("check_fix", &files, &["check", "--fix", "shop"]), 0);
    let fixed = fs::read_to_string(files.path().join("shop/web.pol")).unwrap();
    assert_eq!(fixed, WARNED.replace("pass to", "allow to"));
    // Which block was meant is not for a machine to say.
    assert_eq!(files.polc(&["check", "--fix", "bad"]).code, 1);
    assert_eq!(
        fs::read_to_string(files.path().join("bad/web.pol")).unwrap(),
        source
    );
}

#[test]
fn results_are_written_for_continuous_integration() {
    let failing = GOOD.replace("80 is denied", "80 is allowed");
    let files = Files::new([("shop/web.pol", failing.as_str()), ("bad/web.pol", BAD)]);
    assert_eq!(
        shown(
            "test_junit",
            &files,
            &["test", "--format", "junit", "shop", "bad"]
        ),
        1
    );
}

#[test]
fn rules_that_no_test_decides_by_are_listed() {
    let more = GOOD.replace("on tcp 443 }", "on tcp 443; deny from 203.0.113.0/24 }");
    let files = Files::new([("shop/web.pol", more.as_str())]);
    assert_eq!(
        shown("test_coverage", &files, &["test", "--coverage", "shop"]),
        0
    );
    let run = files.polc(&["test", "--coverage", "--format", "json", "shop"]);
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["coverage"]["shop"]["rules"], 2);
    assert_eq!(
        report["coverage"]["shop"]["undecided"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn watching_checks_again_when_a_file_changes() {
    let files = Files::new([("shop/web.pol", GOOD)]);
    let mut child = command(&["check", "--watch", "shop"])
        .current_dir(files.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    // Ends when the child is killed below, whatever happens.
    let mut wait_for = |start: &str| {
        let found = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.starts_with(start));
        assert!(found.is_some(), "it never said `{start}`");
    };
    wait_for("no findings");
    fs::write(files.path().join("shop/web.pol"), BAD).unwrap();
    wait_for("1 error");
    fs::write(
        files.path().join("shop/names.pol"),
        "endpoints wbe = { app: \"web\" }\n",
    )
    .unwrap();
    wait_for("no findings");
    fs::remove_file(files.path().join("shop/names.pol")).unwrap();
    wait_for("1 error");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn codes_and_lints_are_explained() {
    let files = Files::new([]);
    assert_eq!(shown("explain", &files, &["explain", "P0302"]), 0);
    assert_eq!(
        files.polc(&["explain", "302"]).out,
        files.polc(&["explain", "P0302"]).out
    );
    assert!(
        files
            .polc(&["explain", "world_open"])
            .out
            .starts_with("P0806")
    );
    assert_eq!(
        shown("explain_unknown", &files, &["explain", "world_opne"]),
        2
    );
    let list = files.polc(&["explain"]).out;
    let json = files.polc(&["explain", "--format", "json"]).out;
    let entries: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(list.lines().count(), entries.len());
}

#[test]
fn a_new_package_checks_and_tests_clean() {
    let files = Files::new([]);
    assert_eq!(shown("init", &files, &["init", "my-shop"]), 0);
    let check = files.polc(&["check", "--deny-warnings", "my-shop"]);
    assert_eq!(
        (check.code, check.out.as_str()),
        (0, "no findings in 1 package: 3 files, 2 policies\n")
    );
    assert_eq!(files.polc(&["test", "my-shop"]).out, "4 passed, 0 failed\n");
    assert_eq!(files.polc(&["build", "my-shop"]).code, 0);
    assert_eq!(files.polc(&["fmt", "--check", "my-shop"]).code, 0);
    assert_eq!(shown("init_exists", &files, &["init", "my-shop"]), 2);
}

#[test]
fn shells_and_manuals_are_served() {
    let files = Files::new([]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = files.polc(&["completions", shell]);
        assert!(run.code == 0 && run.out.contains("inspect"), "{shell}");
    }
    assert_eq!(files.polc(&["man", "man"]).code, 0);
    let page = fs::read_to_string(files.path().join("man/polc-check.1")).unwrap();
    assert!(page.contains("deny\\-warnings"), "{page}");
}

#[test]
fn files_are_formatted_in_place_and_checked() {
    let uneven = "package shop\npolicy web for {app:\"web\"} {tier admin;ingress {\nallow from world on tcp 443 }\n}\n";
    let files = Files::new([("shop/web.pol", uneven), ("broken/web.pol", "policy a {\n")]);
    assert_eq!(shown("fmt_check", &files, &["fmt", "--check", "shop"]), 1);
    assert_eq!(
        fs::read_to_string(files.path().join("shop/web.pol")).unwrap(),
        uneven
    );
    assert_eq!(shown("fmt", &files, &["fmt", "shop"]), 0);
    assert_eq!(files.polc(&["fmt", "--check", "shop"]).code, 0);
    assert_eq!(shown("fmt_unbalanced", &files, &["fmt", "broken"]), 2);

    let mut child = command(&["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), uneven.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let formatted = fs::read(files.path().join("shop/web.pol")).unwrap();
    assert_eq!(output.stdout, formatted);
}

#[test]
fn an_inventory_may_be_of_what_makes_pods() {
    let deployment = |name: &str, kind: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{ name: {name}, namespace: shop }}\n\
             spec:\n  template:\n    metadata: {{ labels: {{ app: {name} }} }}\n    spec:\n      \
             containers: [{{ name: main, ports: [{{ name: http, containerPort: 80 }}] }}]\n"
        )
    };
    let policy = "package shop
policy web for { app: \"web\" } in namespace \"shop\" { ingress {} }
policy gone for { app: \"gone\" } in namespace \"shop\" { ingress {} }
";
    let cluster = deployment("web", "Deployment") + &deployment("db", "StatefulSet");
    let broken = cluster.replace("labels: { app: db }", "labels: [app]");
    let files = Files::new([
        ("shop.pol", policy),
        ("cluster.yaml", &cluster),
        ("broken.yaml", &broken),
    ]);
    let run = files.polc(&[
        "check",
        "--format",
        "plain",
        "--inventory",
        "cluster.yaml",
        "shop.pol",
    ]);
    let lines: Vec<&str> = run
        .out
        .lines()
        .filter(|line| line.contains("P0819"))
        .collect();
    assert_eq!(lines.len(), 1, "{}", run.out);
    assert!(lines[0].starts_with("shop.pol:3:"), "{}", run.out);
    let run = files.polc(&["build", "--inventory", "cluster.yaml", "shop.pol"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let run = files.polc(&[
        "check",
        "--format",
        "plain",
        "--inventory",
        "broken.yaml",
        "shop.pol",
    ]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("line 16, column 25"), "{}", run.err);
}
