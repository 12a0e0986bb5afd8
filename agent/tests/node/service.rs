//! How an agent is started where it is not a test: by a file of settings, under systemd.

use std::{
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
