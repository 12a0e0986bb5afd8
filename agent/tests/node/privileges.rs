//! What a running agent may do: no more than it needs.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text, words_of},
};

/// CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF, by their numbers.
const NEEDED: u64 = 1 << 12 | 1 << 38 | 1 << 39;

fn shop(port: u16) -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(port))
        .compile()
}

/// A line of a `status` file of /proc.
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default()
        .trim_matches([':', '\t', ' '])
        .to_owned()
}

#[test]
fn no_thread_of_an_agent_has_more_rights_than_it_needs() {
    let Some(mut scene) = Scene::new("rights2") else {
        return;
    };
    scene.write("start.polb", &shop(5432));
    // With every kind of thread that there is.
    scene.run_with(&["--metrics", "127.0.0.1:9464"]);
    scene.start();
    let pid = scene.status().pid;
    let tasks = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).unwrap();
    let mut threads = 0;
    for task in tasks {
        let Ok(status) = fs::read_to_string(task.unwrap().path().join("status")) else {
            // One that has just answered a client, and is gone.
            continue;
        };
        let set = |name| u64::from_str_radix(&field(&status, name), 16).unwrap();
        for name in ["CapEff", "CapPrm", "CapBnd"] {
            assert_eq!(set(name), NEEDED, "{name}: {status}");
        }
        for name in ["CapInh", "CapAmb"] {
            assert_eq!(set(name), 0, "{name}: {status}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1");
        threads += 1;
    }
    assert!(threads >= 4, "{threads}");

    // What it kept is enough for what it does.
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5433).unwrap();
    let connect = |scene: &Scene| scene.pod("api").connect_tcp(db, 5433).unwrap();
    assert_eq!(connect(&scene), Outcome::Blocked);
    scene.apply(&shop(5433));
    assert_eq!(connect(&scene), Outcome::Reached);
    let output = scene.ask("detach", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!scene.path("bpf/polc").exists());
}

#[test]
fn a_bundle_that_only_another_user_may_read_is_refused_with_what_to_do() {
    let Some(scene) = Scene::enforcing("others", &shop(5432)) else {
        return;
    };
    let folder = scene.path("home");
    fs::create_dir(&folder).unwrap();
    let bundle = folder.join("next.polb");
    fs::write(&bundle, shop(5433)).unwrap();
    std::os::unix::fs::chown(&folder, Some(65_534), None).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let apply = || scene.ask("apply", &["--bundle", bundle.to_str().unwrap()]);
    let output = apply();
    assert_eq!(output.status.code(), Some(2));
    let words = words_of(&output.stderr);
    assert!(words.contains("root must own what it reads"), "{words}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(apply().status.success());
}

#[test]
fn an_agent_starts_with_no_more_than_its_service_gives_it() {
    let test = "unitcaps";
    let Some(mut scene) = Scene::new(test) else {
        return;
    };
    if Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("skipped: {test}: there is no setpriv (Debian's package `util-linux`)");
        return;
    }
    scene.write("start.polb", &shop(5432));
    // Mounted by somebody else, as systemd does.
    let bpffs = scene.path("bpf");
    fs::create_dir(&bpffs).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "bpf", "bpf"])
        .arg(&bpffs)
        .status();
    assert!(mount.unwrap().success());
    scene.run_under(&[
        "setpriv",
        "--bounding-set=-all,+bpf,+net_admin,+perfmon",
        "--inh-caps=-all",
        "--no-new-privs",
    ]);
    scene.start();
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5432).unwrap(),
        Outcome::Reached
    );
    assert_eq!(
        scene.pod("web").connect_tcp(db, 5432).unwrap(),
        Outcome::Blocked
    );
}
