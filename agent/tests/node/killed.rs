//! An agent that is killed, whatever it is doing, leaves one policy in force, whole, and the next one goes on
//! from there.

use std::{collections::VecDeque, fs};

use polc_abi::FLOWS_SINCE;

use crate::{
    injection::{Fate, Injection, MOST_STEPS, require_strace, stride},
    scene::Scene,
    upgrade::become_of_version,
    variants::{ALWAYS, Variants, talk},
};

#[test]
fn an_agent_that_is_killed_at_any_step_leaves_one_policy_whole() {
    let test = "tx-kill";
    if !require_strace(test) {
        return;
    }
    let Some(scene) = Scene::new(test) else {
        return;
    };
    let mut node = Variants::enforcing(scene);
    let db = node.scene.pod("db").v4().unwrap();
    let live = node.scene.pod("api").open_tcp(db, ALWAYS).unwrap();
    let mut now = node.in_force();
    let (mut before, mut after) = (0, 0);
    for (calls, usual) in [
        ("bpf", 9),
        ("openat", 5),
        ("write", 2),
        ("fsync", 2),
        ("mkdir", 1),
        ("rename", 1),
        ("unlink,unlinkat,rmdir", 3),
    ] {
        for step in (1..MOST_STEPS).step_by(stride(usual)) {
            let next = now.next();
            let injection = Injection::begin(&node.scene, calls, Fate::Kill(step));
            let (code, said) = node.try_apply(next);
            injection.end();
            let is_dead = said.contains("no polc-agent answers") || node.scene.has_ended();
            let found = node.in_force();
            talk(&live);
            if code == Some(0) {
                assert_eq!(found, next, "{calls} {step}");
            } else {
                assert!(is_dead, "{calls} {step}: {said}");
                assert!(found == now || found == next, "{calls} {step}: {found:?}");
                *(if found == now {
                    &mut before
                } else {
                    &mut after
                }) += 1;
            }
            now = found;
            if is_dead {
                node.scene.kill();
                let said = node.scene.start();
                assert!(
                    said.contains("goes on with bundle"),
                    "{calls} {step}: {said}"
                );
                assert_eq!(node.in_force(), now, "{calls} {step}");
                talk(&live);
            }
            if code == Some(0) {
                println!("{calls}: {step} steps or fewer");
                break;
            }
        }
    }
    println!("died {before} times before the switch and {after} times after it");
    assert!(before > 0 && after > 0);
    node.apply(now.next());
    talk(&live);
}

/// Here the agent before was killed, and this one is to put another bundle in force.
#[test]
fn a_starting_agent_that_is_killed_at_any_step_leaves_one_policy_whole() {
    let test = "tx-start";
    if !require_strace(test) {
        return;
    }
    let Some(scene) = Scene::new(test) else {
        return;
    };
    let mut node = Variants::enforcing(scene);
    let db = node.scene.pod("db").v4().unwrap();
    let live = node.scene.pod("api").open_tcp(db, ALWAYS).unwrap();
    let mut now = node.in_force();
    let trace = node.scene.path("injected");
    let trace = trace.to_str().unwrap().to_owned();
    let mut deaths = 0;
    for calls in ["bpf", "mkdir", "fsync", "rename", "unlink,unlinkat,rmdir"] {
        let traced = format!("trace={calls}");
        // First to count, and then to kill.
        let mut steps = VecDeque::from([0]);
        while let Some(step) = steps.pop_front() {
            let next = now.next();
            node.scene.kill();
            node.scene.write("start.polb", &next.bundle());
            let inventory = next.inventory();
            node.scene.write("inventory.yaml", inventory.as_bytes());
            let inject = format!("inject={calls}:{}", Fate::Kill(step.max(1)).expression());
            // -D: what is started is the agent, and strace its child.
            let mut strace = vec!["strace", "-D", "-f", "-qq", "-o", &trace, "-e", &traced];
            if step > 0 {
                strace.extend(["-e", &inject]);
            }
            node.scene.run_under(&strace);
            let (_, enforces) = node.scene.try_start();
            let found = node.in_force();
            talk(&live);
            assert!(found == now || found == next, "{calls} {step}: {found:?}");
            if enforces {
                assert_eq!(found, next, "{calls} {step}");
            } else {
                deaths += 1;
            }
            if step == 0 {
                let count = fs::read_to_string(&trace).unwrap().lines().count();
                println!("{calls}: {count} steps");
                // Between what opens the maps and what fills them it looks at each of thousands of slots.
                let filling = count.saturating_sub(170).max(100);
                steps.extend((1..=count.min(100)).step_by(stride(11.min(count / 2 + 1))));
                steps.extend((filling..=count).step_by(stride(11)));
            }
            now = found;
        }
    }
    node.scene.kill();
    node.scene.run_under(&[]);
    node.scene.start();
    println!("died {deaths} times");
    assert!(deaths > 10);
    node.apply(now.next());
    talk(&live);
}

/// Here the agent before was of another version, and this one takes over with the same policy: killed
/// anywhere in that, hooks that have moved and hooks that have not enforce the same.
#[test]
fn an_agent_that_is_killed_while_it_takes_over_from_another_version_changes_nothing() {
    let test = "tx-upgrade";
    if !require_strace(test) {
        return;
    }
    let Some(scene) = Scene::new(test) else {
        return;
    };
    let mut node = Variants::enforcing(scene);
    let db = node.scene.pod("db").v4().unwrap();
    let live = node.scene.pod("api").open_tcp(db, ALWAYS).unwrap();
    let now = node.in_force();
    let trace = node.scene.path("injected");
    let trace = trace.to_str().unwrap().to_owned();
    let mut deaths = 0;
    for calls in ["bpf", "mkdir", "rename", "unlink,unlinkat,rmdir"] {
        let traced = format!("trace={calls}");
        let mut steps = VecDeque::from([0]);
        while let Some(step) = steps.pop_front() {
            node.scene.kill();
            become_of_version(&node.scene, FLOWS_SINCE);
            let inject = format!("inject={calls}:{}", Fate::Kill(step.max(1)).expression());
            let mut strace = vec!["strace", "-D", "-f", "-qq", "-o", &trace, "-e", &traced];
            if step > 0 {
                strace.extend(["-e", &inject]);
            }
            node.scene.run_under(&strace);
            let (_, enforces) = node.scene.try_start();
            assert_eq!(node.in_force(), now, "{calls} {step}");
            talk(&live);
            if step == 0 {
                let count = fs::read_to_string(&trace).unwrap().lines().count();
                println!("{calls}: {count} steps");
                // In between it looks at each of thousands of slots.
                let filling = count.saturating_sub(170).max(100);
                steps.extend((1..=count.min(100)).step_by(stride(11.min(count / 2 + 1))));
                steps.extend((filling..=count).step_by(stride(11)));
            }
            if !enforces {
                deaths += 1;
                node.scene.kill();
                node.scene.run_under(&[]);
                node.scene.start();
                assert_eq!(node.in_force(), now, "after {calls} {step}");
                talk(&live);
            }
        }
    }
    println!("died {deaths} times");
    assert!(deaths > 10);
    node.scene.kill();
    node.scene.run_under(&[]);
    node.scene.start();
    node.apply(now.next());
    talk(&live);
}
