//! An agent that is killed leaves enforcement behind, and the next one takes it over.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::MetadataExt as _,
    process::Command,
};

use polc_agent::{pins::Pins, sys::interface::index_of};
use polc_model::Direction;
use polc_testbed::Outcome;

use crate::{
    package::{Package, labelled, tcp},
    scene::{Scene, text},
};

/// db takes this port from api.
fn shop(port: u16) -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(port))
        .compile()
}

fn talk(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"still there?")?;
    stream.read_exact(&mut [0; 12])
}

#[test]
fn a_killed_agent_leaves_enforcement_and_connections_behind() {
    let Some(mut scene) = Scene::enforcing("kill", &shop(5432)) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _servers = [
        scene.pod("db").serve_tcp(5432).unwrap(),
        scene.pod("db").serve_tcp(5433).unwrap(),
    ];
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    talk(&live).unwrap();
    let epoch = scene.status().epoch;

    scene.kill();
    talk(&live).unwrap();
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5432).unwrap(),
        Outcome::Reached
    );
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5433).unwrap(),
        Outcome::Blocked
    );
    assert_eq!(
        scene.pod("web").connect_tcp(db, 5432).unwrap(),
        Outcome::Blocked
    );

    let said = scene.start();
    assert!(said.contains("goes on with bundle"), "{said}");
    talk(&live).unwrap();
    let status = scene.status();
    assert_eq!(status.epoch, epoch);
    // Each end of each connection is a flow: of the one that is open, and of the one that is over
    // beside the two that web and api opened on their side only.
    assert_eq!((status.flows, status.new_flows), (2, 4));
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5433).unwrap(),
        Outcome::Blocked
    );
    // What happened while no agent ran was kept for this one.
    assert!(scene.flows().iter().any(|flow| {
        flow.source.name == "shop/web" && flow.reason.as_deref() == Some("policy")
    }));
}

#[test]
fn clsact_filters_stay_are_replaced_and_removed_like_links() {
    let Some(mut scene) = Scene::enforcing_with_clsact("clsact", &shop(5432)) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let live = scene.pod("api").open_tcp(db, 5432).unwrap();
    for _ in 0..2 {
        talk(&live).unwrap();
        assert_eq!(
            scene.pod("web").connect_tcp(db, 5432).unwrap(),
            Outcome::Blocked
        );
        scene.kill();
        talk(&live).unwrap();
        assert_eq!(
            scene.pod("web").connect_tcp(db, 5432).unwrap(),
            Outcome::Blocked
        );
        scene.start();
    }
    assert_eq!(filters(&scene), 2);
    let output = scene.ask("detach", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(scene.wait(), Some(0));
    assert_eq!(filters(&scene), 0);
    assert_eq!(
        scene.pod("web").connect_tcp(db, 5432).unwrap(),
        Outcome::Reached
    );
}

/// Filters on db's interface, both directions.
fn filters(scene: &Scene) -> usize {
    ["ingress", "egress"]
        .into_iter()
        .map(|direction| {
            let arguments = ["filter", "show", "dev", "veth-db", direction];
            let output = scene
                .testbed
                .in_node(|| Command::new("tc").args(arguments).output())
                .unwrap()
                .unwrap();
            text(&output.stdout).matches(" handle ").count()
        })
        .sum()
}

#[test]
fn a_pod_that_restarts_is_enforced_again() {
    let Some(mut scene) = Scene::enforcing("pod", &shop(5432)) else {
        return;
    };
    scene.testbed.restart_pod("shop/db").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
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

    // While no agent runs, and with another pod gone for good.
    scene.kill();
    scene.testbed.restart_pod("shop/db").unwrap();
    let gone = [
        "-n",
        scene.testbed.node().name(),
        "link",
        "delete",
        "veth-web",
    ];
    assert!(Command::new("ip").args(gone).status().unwrap().success());
    scene.start();
    let _server = scene.pod("db").serve_tcp(5433).unwrap();
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5432).unwrap(),
        Outcome::Refused
    );
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5433).unwrap(),
        Outcome::Blocked
    );
}

#[test]
fn an_interface_that_is_made_anew_with_the_index_of_before_gets_its_hooks() {
    // Through the stack, as there the other end of the new link makes no difference.
    let Some(mut scene) = Scene::routing("index", &shop(5432)) else {
        return;
    };
    let index = scene.testbed.in_node(|| index_of("veth-web")).unwrap();
    let index = index.unwrap();
    let pins = Pins::new(&scene.path("bpf"), "default");
    let pin = |point| std::fs::metadata(pins.link(point, index)).unwrap().ino();
    let before = [pin("from_endpoint"), pin("to_endpoint")];
    scene.kill();
    let node = scene.testbed.node().name().to_owned();
    let delete = "link delete veth-web".to_owned();
    let add = format!("link add veth-web index {index} type veth peer name lost");
    for command in [delete, add] {
        let words = command.split(' ');
        let done = Command::new("ip").args(["-n", &node]).args(words).status();
        assert!(done.unwrap().success(), "{command}");
    }
    let said = scene.start();
    assert!(said.contains("goes on with bundle"), "{said}");
    // The links of before hang in the air: these are others.
    assert_ne!(pin("from_endpoint"), before[0]);
    assert_ne!(pin("to_endpoint"), before[1]);
}

#[test]
fn a_restart_keeps_what_was_applied_unless_the_given_bundle_changed() {
    let Some(mut scene) = Scene::enforcing("resume", &shop(5432)) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _servers = [
        scene.pod("db").serve_tcp(5432).unwrap(),
        scene.pod("db").serve_tcp(5433).unwrap(),
        scene.pod("db").serve_tcp(5434).unwrap(),
    ];
    let reached = |scene: &Scene| {
        [5432, 5433, 5434]
            .map(|port| scene.pod("api").connect_tcp(db, port).unwrap() == Outcome::Reached)
    };
    assert_eq!(reached(&scene), [true, false, false]);
    scene.apply(&shop(5433));
    assert_eq!(reached(&scene), [false, true, false]);

    scene.kill();
    scene.start();
    assert_eq!(reached(&scene), [false, true, false]);

    scene.kill();
    scene.write("start.polb", &shop(5434));
    scene.start();
    assert_eq!(reached(&scene), [false, false, true]);
}

#[test]
fn a_second_agent_of_the_same_name_is_refused() {
    let Some(scene) = Scene::enforcing("second", &shop(5432)) else {
        return;
    };
    let output = scene.run_again();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("another polc-agent"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_terminated_agent_says_that_enforcement_stays() {
    let Some(mut scene) = Scene::enforcing("term", &shop(5432)) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let code = scene.terminate();
    assert_eq!(code, Some(0));
    assert_eq!(
        scene.pod("web").connect_tcp(db, 5432).unwrap(),
        Outcome::Blocked
    );
    assert_eq!(
        scene.pod("api").connect_tcp(db, 5432).unwrap(),
        Outcome::Reached
    );
    let output = scene.ask("status", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("no polc-agent answers"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn detach_removes_everything_with_and_without_an_agent() {
    let Some(mut scene) = Scene::enforcing("detach", &shop(5432)) else {
        return;
    };
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    for with_agent in [true, false] {
        assert_eq!(
            scene.pod("web").connect_tcp(db, 5432).unwrap(),
            Outcome::Blocked
        );
        if !with_agent {
            scene.kill();
        }
        let output = scene.ask("detach", &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            scene.pod("web").connect_tcp(db, 5432).unwrap(),
            Outcome::Reached
        );
        assert!(!scene.path("state").exists());
        assert!(!scene.path("bpf/polc").exists());
        let links = scene
            .testbed
            .in_node(|| Command::new("bpftool").args(["net", "show"]).output());
        if let Ok(Ok(links)) = links {
            assert!(
                !text(&links.stdout).contains("endpoint"),
                "{}",
                text(&links.stdout)
            );
        }
        if with_agent {
            assert_eq!(scene.wait(), Some(0));
            scene.start();
        }
    }
}

#[test]
fn detach_all_leaves_nothing_of_any_agent() {
    let Some(mut scene) = Scene::enforcing("detall", &shop(5432)) else {
        return;
    };
    scene.kill();
    let first = scene.path("bpf/polc/default");
    let other = scene.path("bpf/polc/other");
    scene.run_with(&["--name", "other"]);
    scene.start();
    scene.kill();
    assert!(first.exists() && other.exists());

    // One goes, and the other stays.
    let output = scene.ask("detach", &["--name", "other"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(first.exists() && !other.exists());
    let db = scene.pod("db").v4().unwrap();
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let connect = || scene.pod("web").connect_tcp(db, 5432).unwrap();
    assert_eq!(connect(), Outcome::Blocked);

    let output = scene.ask("detach", &["--name", "other", "--all"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!scene.path("bpf/polc").exists());
    assert!(!scene.path("state").exists());
    assert_eq!(connect(), Outcome::Reached);
    // Again, with nothing to remove.
    assert!(scene.ask("detach", &["--all"]).status.success());
}

#[test]
fn filters_are_removed_whatever_the_mechanism_is_now() {
    let Some(mut scene) = Scene::enforcing_with_clsact("detcls", &shop(5432)) else {
        return;
    };
    scene.kill();
    assert_eq!(filters(&scene), 2);
    let output = scene.ask("detach", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(filters(&scene), 0);
}
