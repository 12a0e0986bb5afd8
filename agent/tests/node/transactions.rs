//! An apply is all or nothing: whatever fails, and whenever the agent dies, one policy is in force, whole.
//!
//! The tests take a step of many, always the same ones, unless `POLC_EVERY_STEP` is set.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use polc_agent::{pins::Pins, sys::map::Map};

use crate::{
    injection::{Fate, Injection, require_strace},
    scene::Scene,
    variants::{ALWAYS, Variants},
};

/// More than an apply takes of any kind.
const MOST_STEPS: usize = 1000;

fn stride(usual: usize) -> usize {
    match std::env::var_os("POLC_EVERY_STEP") {
        Some(_) => 1,
        None => usual,
    }
}

fn talk(mut stream: &TcpStream) {
    stream.write_all(b"still there?").unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
}

/// The slots of the program array in which there is a program.
fn programs(scene: &Scene) -> usize {
    let pins = Pins::new(&scene.path("bpf"), "default");
    let policies: Map<u32, u32> = Map::open(&pins.map(polc_abi::map::POLICIES)).unwrap();
    policies.entries().unwrap().len()
}

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
        ("close", 7),
        ("unlink,unlinkat,rmdir", 3),
    ] {
        for step in (1..MOST_STEPS).step_by(stride(usual)) {
            let next = now.next();
            let injection = Injection::begin(&node.scene, calls, Fate::Kill(step));
            let (code, _) = node.try_apply(next);
            injection.end();
            let is_dead = node.scene.has_ended();
            let found = node.in_force();
            talk(&live);
            if code == Some(0) {
                assert_eq!(found, next, "{calls} {step}");
            } else {
                assert!(is_dead, "{calls} {step}");
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

#[test]
fn a_call_that_fails_changes_nothing_and_the_next_apply_is_right() {
    let test = "tx-fail";
    if !require_strace(test) {
        return;
    }
    let Some(scene) = Scene::new(test) else {
        return;
    };
    let node = Variants::enforcing(scene);
    let db = node.scene.pod("db").v4().unwrap();
    let live = node.scene.pod("api").open_tcp(db, ALWAYS).unwrap();
    let mut now = node.in_force();
    let loaded = programs(&node.scene);
    let mut refused = 0;
    type Failing = fn(usize) -> Fate;
    let fates: [(&str, usize, Failing); 7] = [
        ("bpf", 7, |step| Fate::Fail(step, "E2BIG")),
        ("bpf", 7, |step| Fate::FailOn(step, "ENOMEM")),
        ("openat", 5, |step| Fate::Fail(step, "EMFILE")),
        ("write", 2, |step| Fate::FailOn(step, "ENOSPC")),
        ("fsync", 2, |step| Fate::Fail(step, "EIO")),
        ("mkdir", 1, |step| Fate::Fail(step, "ENOSPC")),
        ("rename", 1, |step| Fate::Fail(step, "EIO")),
    ];
    for (calls, usual, fate) in fates {
        for step in (1..MOST_STEPS).step_by(stride(usual)) {
            let (fate, next) = (fate(step), now.next());
            let epoch = node.scene.status().epoch;
            let injection = Injection::begin(&node.scene, calls, fate);
            let (code, said) = node.try_apply(next);
            let is_injected = injection.end();
            let found = node.in_force();
            talk(&live);
            let what = format!("{calls} {fate:?}: {code:?} {said}");
            if node.scene.status().epoch == epoch {
                assert_eq!(found, now, "{what}");
                assert!(matches!(code, Some(1 | 2)), "{what}");
                assert!(!said.is_empty(), "{what}");
                refused += 1;
            } else {
                assert_eq!(found, next, "{what}");
            }
            // Another than was refused.
            now = next.next();
            let (code, said) = node.try_apply(now);
            assert_eq!(code, Some(0), "after {what}: {said}");
            assert_eq!(node.in_force(), now, "after {what}");
            assert_eq!(programs(&node.scene), loaded, "after {what}");
            talk(&live);
            if !is_injected {
                println!("{calls} {fate:?}: as many steps or fewer");
                break;
            }
        }
    }
    println!("refused {refused} times");
    assert!(refused > 10);
}
