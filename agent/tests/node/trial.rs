//! Policies on trial, and the session that somebody applies a policy through.

use std::{process::Output, thread, time::Duration};

use polc_model::{Direction, Entity, SelectorExpr};
use polc_testbed::Outcome;

use crate::{
    package::{Package, cidr, tcp},
    scene::{OUTSIDE, Scene, text, words_of},
};

/// The node serves this port to whom is outside.
fn node(port: u16) -> Vec<u8> {
    Package::new()
        .policy_for(
            "node",
            SelectorExpr::Entity(Entity::Host),
            &[Direction::Ingress],
        )
        .allow(Direction::Ingress, cidr("192.0.2.0/24"), tcp(port))
        .compile()
}

fn nobody() -> Vec<u8> {
    Package::new().compile()
}

/// Applies a bundle from an SSH session at the node's port 22.
fn apply(scene: &Scene, bundle: &[u8], arguments: &[&str]) -> Output {
    let path = scene.write("next.polb", bundle);
    let session = format!("{} 50000 10.244.0.1 22", OUTSIDE[0]);
    let mut command = scene.command("apply");
    command
        .args(["--bundle", path.to_str().unwrap()])
        .args(arguments)
        .env("SSH_CONNECTION", session);
    let output = scene.testbed.in_node(|| command.output());
    output.unwrap().unwrap()
}

/// Whether whom is outside reaches ports 22 and 23 of the node.
fn reached(scene: &Scene) -> [bool; 2] {
    let outside = scene.testbed.outside().unwrap();
    let own = scene.testbed.node_host().v4().unwrap();
    [22, 23].map(|port| outside.connect_tcp(own, port).unwrap() == Outcome::Reached)
}

/// A node that serves both ports, where policies apply to nobody.
fn scene(test: &str) -> Option<(Scene, [polc_testbed::Server; 2])> {
    let scene = Scene::enforcing(test, &nobody())?;
    let servers = [22, 23].map(|port| scene.testbed.node_host().serve_tcp(port).unwrap());
    Some((scene, servers))
}

#[test]
fn a_policy_that_cuts_the_session_is_applied_only_where_that_is_meant() {
    let Some((scene, _servers)) = scene("cut") else {
        return;
    };
    let refused = apply(&scene, &node(23), &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = words_of(&refused.stderr);
    assert!(
        said.contains("192.0.2.7 to 10.244.0.1 tcp 22: isolated by `node` at shop.pol:1"),
        "{said}"
    );
    assert!(said.contains("--confirm SECONDS"), "{said}");
    assert_eq!(reached(&scene), [true, true]);
    // One that does not cut it is none of that.
    assert!(apply(&scene, &node(22), &[]).status.success());
    assert_eq!(reached(&scene), [true, false]);
    assert!(
        apply(&scene, &node(23), &["--cut-session"])
            .status
            .success()
    );
    assert_eq!(reached(&scene), [false, true]);
}

#[test]
fn what_nobody_confirms_goes_again() {
    let Some((scene, _servers)) = scene("trial") else {
        return;
    };
    let tried = apply(&scene, &node(23), &["--confirm", "2"]);
    assert!(tried.status.success(), "{}", text(&tried.stderr));
    let said = text(&tried.stdout);
    assert!(
        said.contains("for 2 seconds") && said.contains("it cuts the session"),
        "{said}"
    );
    assert!(!reached(&scene)[0]);
    let status = scene.status();
    assert!(matches!(status.trial_seconds, Some(1 | 2)), "{status:?}");
    // Meanwhile nothing else is tried.
    let refused = apply(&scene, &node(22), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(words_of(&refused.stderr).contains("on trial"));

    thread::sleep(Duration::from_millis(2500));
    assert_eq!(reached(&scene), [true, true]);
    let status = scene.status();
    assert_eq!((status.trial_seconds, status.epoch), (None, 3));
    let late = scene.ask("confirm", &[]);
    assert_eq!(late.status.code(), Some(1));
    assert!(words_of(&late.stderr).contains("nothing is on trial"));
}

#[test]
fn what_is_confirmed_stays() {
    let Some((mut scene, _servers)) = scene("confirm") else {
        return;
    };
    assert!(
        apply(&scene, &node(22), &["--confirm", "2"])
            .status
            .success()
    );
    let confirmed = scene.ask("confirm", &[]);
    assert!(confirmed.status.success(), "{}", text(&confirmed.stderr));
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(reached(&scene), [true, false]);
    // Also for the next agent.
    scene.kill();
    scene.start();
    assert_eq!(reached(&scene), [true, false]);
    assert_eq!(scene.status().trial_seconds, None);
}

#[test]
fn a_trial_ends_with_its_agent() {
    let Some((mut scene, _servers)) = scene("trial-end") else {
        return;
    };
    let applied = apply(&scene, &node(23), &["--confirm", "3600"]);
    assert!(applied.status.success());
    assert!(!reached(&scene)[0]);
    // Killed, it can do nothing; the next one does.
    scene.kill();
    assert!(!reached(&scene)[0]);
    let said = scene.start();
    assert!(said.contains("was on trial"), "{said}");
    assert_eq!(reached(&scene), [true, true]);
    // And once more: told to end, it does so itself.
    assert!(
        apply(&scene, &node(23), &["--confirm", "3600"])
            .status
            .success()
    );
    assert!(!reached(&scene)[0]);
    assert_eq!(scene.terminate(), Some(0));
    assert_eq!(reached(&scene), [true, true]);
    scene.start();
    assert_eq!(reached(&scene), [true, true]);
    assert_eq!(scene.status().trial_seconds, None);
}

#[test]
fn a_trial_that_makes_no_sense_is_refused() {
    let Some((scene, _servers)) = scene("trial-never") else {
        return;
    };
    for seconds in ["0", "86401", "soon"] {
        let refused = apply(&scene, &node(22), &["--confirm", seconds]);
        assert_eq!(refused.status.code(), Some(2), "{seconds}");
    }
    // One whose bundle is refused leaves nothing behind.
    let refused = apply(&scene, b"no bundle", &["--confirm", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!scene.path("state/trial").exists());
    assert_eq!(scene.status().trial_seconds, None);
}
