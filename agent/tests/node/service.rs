//! How an agent is started where it is not a test: by a file of settings, under systemd.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use polc_agent::settings::Settings;
use polc_model::Direction;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text, words_of},
};

fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .compile()
}

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(name)
}

#[test]
fn an_agent_is_what_its_file_and_its_flags_say() {
    let Some(mut scene) = Scene::new("config") else {
        return;
    };
    scene.write("start.polb", &shop());
    // The flags of the test say where to pin; the file says a name, and how to write.
    let file = "name: filed\nlog_format: json\nlog_level: warn\nmetrics: 127.0.0.1:9464\n";
    let path = scene.write("agent.yaml", file.as_bytes());
    let path = path.to_str().unwrap().to_owned();
    scene.run_with(&["--config", &path, "--log-level", "info"]);
    let said = scene.start();
    let line: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "bundle is in force");
    assert_eq!(line["epoch"], 1);
    assert_eq!(line["digest"], scene.status().bundle);
    assert!(scene.path("bpf/polc/filed").exists());

    // Flags win.
    assert_eq!(scene.terminate(), Some(0));
    let flags = [
        "--name",
        "flagged",
        "--log-format",
        "text",
        "--log-level",
        "info",
    ];
    scene.run_with(&[&["--config", &path], &flags[..]].concat());
    let output = scene.ask("detach", &["--all"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = scene.start();
    assert!(said.contains("INFO bundle is in force digest="), "{said}");
    assert!(scene.path("bpf/polc/flagged").exists());
}

#[test]
fn a_file_with_a_fault_is_refused_where_it_is() {
    let Some(mut scene) = Scene::new("badconf") else {
        return;
    };
    scene.write("start.polb", &shop());
    let path = scene.write("agent.yaml", b"# ours\nmetric: 127.0.0.1:9464\n");
    let path = path.to_str().unwrap().to_owned();
    scene.run_with(&["--config", &path]);
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(1));
    let words = words_of(&output.stderr);
    assert!(
        words.contains("agent.yaml`, line 2: there is no setting `metric`"),
        "{words}"
    );
    assert!(words.contains("did you mean `metrics`?"), "{words}");
    assert!(!scene.path("bpf/polc").exists());

    // As JSON, from when that is known on.
    scene.run_with(&["--log-format", "json", "--metrics", "192.0.2.1:9464"]);
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    let line: serde_json::Value = serde_json::from_str(said.trim_end()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(
        line["message"],
        "metrics at 192.0.2.1:9464 could be read by other machines"
    );
    assert!(
        line["help"].as_str().unwrap().contains("loopback"),
        "{line}"
    );
}

#[test]
fn an_agent_without_a_bundle_says_how_to_give_it_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_polc-agent"))
        .arg("run")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = words_of(&output.stderr);
    assert!(words.contains("an agent needs a bundle"), "{words}");
    assert!(
        words.contains("give `--bundle FILE`, or `bundle: FILE`"),
        "{words}"
    );
}

#[test]
fn the_file_that_is_deployed_is_one() {
    let settings = Settings::read(&deployed("agent.yaml")).unwrap();
    assert!(settings.bundle.is_some() && settings.inventory.is_some());
    assert!(settings.metrics.unwrap().ip().is_loopback());
}

/// Names of system calls that a unit's filter lets through.
fn filtered(unit: &str) -> BTreeSet<String> {
    let filter = unit
        .lines()
        .find_map(|line| line.strip_prefix("SystemCallFilter="));
    let mut open: Vec<String> = filter
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut calls = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !name.starts_with('@') {
            calls.insert(name);
            continue;
        }
        let output = Command::new("systemd-analyze")
            .args(["syscall-filter", "--no-pager", &name])
            .output()
            .unwrap();
        let members = text(&output.stdout);
        let members = members.lines().map(str::trim).skip(1);
        open.extend(
            members
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned),
        );
    }
    calls
}

#[test]
fn the_unit_lets_through_every_system_call_of_an_agent() {
    let test = "syscalls";
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if !has("strace") || !has("systemd-analyze") {
        eprintln!("skipped: {test}: there is no strace or no systemd-analyze");
        return;
    }
    let Some(mut scene) = Scene::new(test) else {
        return;
    };
    scene.write("start.polb", &shop());
    // The unit finds it mounted.
    let bpffs = scene.path("bpf");
    fs::create_dir(&bpffs).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "bpf", "bpf"])
        .arg(&bpffs)
        .status();
    assert!(mount.unwrap().success());
    let trace = scene.path("trace");
    scene.run_under(&["strace", "-f", "-qq", "-o", trace.to_str().unwrap()]);
    scene.run_with(&["--metrics", "127.0.0.1:9464"]);
    scene.start();
    scene.apply(&shop());
    for subcommand in [
        "status",
        "flows",
        "endpoints",
        "peers",
        "policies",
        "metrics",
    ] {
        assert!(scene.ask(subcommand, &[]).status.success(), "{subcommand}");
    }
    assert!(scene.ask("detach", &[]).status.success());
    assert_eq!(scene.wait(), Some(0));

    let unit = fs::read_to_string(deployed("systemd/polc-agent.service")).unwrap();
    let allowed = filtered(&unit);
    // `PID  name(arguments...`, and signals and ends in other forms.
    let trace = fs::read_to_string(trace).unwrap();
    let used: BTreeSet<&str> = trace
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim().split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    assert!(used.contains("bpf") && used.contains("capset"), "{used:?}");
    let refused: Vec<&&str> = used
        .iter()
        .filter(|name| !allowed.contains(**name))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn systemd_takes_the_unit() {
    let test = "systemd";
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: {test}: there is no systemd-analyze");
        return;
    }
    let unit = fs::read_to_string(deployed("systemd/polc-agent.service")).unwrap();
    // The agent of this test stands in for the installed one.
    let unit = unit.replace("/usr/bin/polc-agent", env!("CARGO_BIN_EXE_polc-agent"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("polc-agent.service");
    fs::write(&path, unit).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&path)
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");

    // Exposure from 0 (none) to 100.
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--threshold=26", "--no-pager"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
}
