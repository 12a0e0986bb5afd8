//! `polc-agent preflight` says beforehand what `run` would say.

use std::{
    path::Path,
    process::{Command, Output},
};

use polc_agent::preflight::{Finding, State};

use crate::scene::{Scene, text, words_of};

fn preflight(bpffs: &Path, prefix: &[&str]) -> Output {
    let agent = env!("CARGO_BIN_EXE_polc-agent");
    let words = [prefix, &[agent, "preflight", "--json", "--bpffs"]].concat();
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(bpffs).output().unwrap()
}

fn findings(output: &Output) -> Vec<Finding> {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn state(findings: &[Finding], what: &str) -> Option<State> {
    let found = findings.iter().find(|finding| finding.what == what);
    found.map(|finding| finding.state)
}

#[test]
fn where_an_agent_runs_nothing_is_missing() {
    let Some(scene) = Scene::new("preflt") else {
        return;
    };
    let output = preflight(&scene.path("bpf"), &[]);
    let findings = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{findings:#?}");
    for what in ["CAP_BPF", "BTF", "tc programs", "ring buffer", "datapath"] {
        assert_eq!(state(&findings, what), Some(State::Ok), "{findings:#?}");
    }
    // Not there yet; looking does not mount it.
    assert_eq!(state(&findings, "bpffs"), Some(State::Substitute));
    assert!(!scene.path("bpf").exists());
    let table = text(&scene.ask("preflight", &[]).stdout);
    assert!(table.lines().next().unwrap().starts_with("WHAT"), "{table}");
    assert_eq!(table.lines().count(), 1 + findings.len(), "{table}");
}

#[test]
fn without_rights_it_says_which_are_missing() {
    let test = "rights";
    let Some(scene) = Scene::new(test) else {
        return;
    };
    if Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: {test}: there is no setpriv (Debian's package `util-linux`)");
        return;
    }
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let output = preflight(&scene.path("bpf"), &none);
    assert_eq!(output.status.code(), Some(1));
    let all = findings(&output);
    for what in [
        "CAP_BPF",
        "CAP_NET_ADMIN",
        "CAP_PERFMON",
        "bpffs",
        "datapath",
    ] {
        assert_eq!(state(&all, what), Some(State::Missing), "{all:#?}");
    }
    let words = words_of(&output.stderr);
    assert!(
        words.contains("an agent cannot run here: CAP_BPF"),
        "{words}"
    );

    // What CAP_SYS_ADMIN includes need not be given besides.
    let some = [
        "setpriv",
        "--bounding-set=-all,+sys_admin,+net_admin",
        "--inh-caps=-all",
    ];
    let output = preflight(&scene.path("bpf"), &some);
    let all = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{all:#?}");
    for what in ["CAP_BPF", "CAP_PERFMON"] {
        assert_eq!(state(&all, what), Some(State::Substitute), "{all:#?}");
    }
}
