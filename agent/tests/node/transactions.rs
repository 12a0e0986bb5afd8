//! An apply is all or nothing: whatever fails, the policy of before is in force, whole, and the next apply
//! is right. What becomes of it when the agent dies is in `killed`.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use polc_agent::{
    pins::Pins,
    sys::{interface::index_of, map::Map},
};
use polc_bundle::Bundle;
use polc_codegen::{Insn, elf};
use polc_testbed::Outcome;

use crate::{
    injection::{Fate, Injection, MOST_STEPS, require_strace, stride},
    scene::{OUTSIDE, Scene},
    variants::{ALWAYS, Variant, Variants, talk},
};

/// The slots of the program array in which there is a program.
fn programs(scene: &Scene) -> usize {
    let pins = Pins::new(&scene.path("bpf"), "default");
    let policies: Map<u32, u32> = Map::open(&pins.map(polc_abi::map::POLICIES)).unwrap();
    policies.entries().unwrap().len()
}

/// The hooks' links, by the inodes of their pins: one that is made anew has another.
fn links(scene: &Scene) -> BTreeMap<OsString, u64> {
    let pins = Pins::new(&scene.path("bpf"), "default");
    let entries = fs::read_dir(pins.links()).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name(), entry.metadata().unwrap().ino()))
        .collect()
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
    let (loaded, hooks) = (programs(&node.scene), links(&node.scene));
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
            assert_eq!(links(&node.scene), hooks, "{what}");
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

/// A variant's inventory before web has come.
fn without_web(inventory: &str) -> String {
    let (before, web) = inventory.split_once("  - name: web").unwrap();
    let (_, others) = web.split_once("  - { name: far-0").unwrap();
    format!("{before}  - {{ name: far-0{others}")
}

/// Whether web, of which the policy in force knows nothing, has its way.
fn web_is_free(node: &Variants) -> bool {
    const PORT: u16 = 53;
    let address = OUTSIDE[0].parse().unwrap();
    let outside = node.scene.testbed.outside().unwrap().namespace();
    let _server = outside.serve_udp_at(address, PORT).unwrap();
    node.scene.pod("web").send_udp(address, PORT).unwrap() == Outcome::Reached
}

#[test]
fn a_full_disk_refuses_a_change_and_leaves_no_trace_of_it() {
    let Some(mut scene) = Scene::new("tx-disk") else {
        return;
    };
    scene.limit_state("512k");
    let state = scene.path("state");
    let node = Variants::enforcing_with(scene, |inventory| without_web(&inventory));
    let (now, hooks) = (node.in_force(), links(&node.scene));
    let epoch = node.scene.status().epoch;
    let ballast = state.join("ballast");
    // From no room at all to enough for the bundle and nothing else.
    let bundle = now.next().bundle().len() as u64;
    for room in [0, 8_192, bundle.next_multiple_of(4_096)] {
        fill(&ballast, room);
        let (code, said) = node.try_apply(now.next());
        assert_eq!(code, Some(2), "{room}: {said}");
        let why = "No space left on device";
        let help = "what was in force stays in force; the state directory needs room";
        assert!(said.contains(why) && said.contains(help), "{said}");
        assert_eq!(node.scene.status().epoch, epoch);
        assert_eq!(node.in_force(), now);
        assert_eq!(links(&node.scene), hooks);
        assert!(web_is_free(&node));
        let left = fs::read_dir(&state).unwrap().flatten();
        let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        left.sort();
        let epoch = format!("epoch-{epoch}");
        assert_eq!(left, ["agent.sock", "ballast", &epoch, "lock"]);
    }
    fs::remove_file(ballast).unwrap();
    node.apply(now.next());
    assert_ne!(links(&node.scene), hooks);
}

/// Fills the disk up to this many bytes.
fn fill(ballast: &Path, room: u64) {
    let mut file = fs::File::create(ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - room).unwrap();
}

#[test]
fn hooks_of_a_change_that_fails_are_taken_away_again() {
    let Some(scene) = Scene::new("tx-hooks") else {
        return;
    };
    let node = Variants::enforcing_with(scene, |inventory| without_web(&inventory));
    let now = node.in_force();
    let web = node.scene.testbed.in_node(|| index_of("veth-web"));
    let web = web.unwrap().unwrap();
    // The second of web's hooks has no place for its pin.
    let pins = Pins::new(&node.scene.path("bpf"), "default");
    let taken = pins.link("to_endpoint", web);
    fs::create_dir(&taken).unwrap();
    let hooks = links(&node.scene);
    let (code, said) = node.try_apply(now.next());
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("attaching `to_endpoint` to `veth-web`"),
        "{said}"
    );
    assert_eq!(links(&node.scene), hooks);
    assert_eq!(node.in_force(), now);
    assert!(web_is_free(&node));
    fs::remove_dir(&taken).unwrap();
    node.apply(now.next());
    assert!(links(&node.scene).len() > hooks.len());
    assert!(web_is_free(&node));
}

const ALTERED: &str = "tx_altered";

/// A bundle in which the program of one of the classes is this one.
fn with_program(variant: Variant, code: Vec<Insn>) -> Vec<u8> {
    let mut bundle = Bundle::decode(variant.bundle()).unwrap();
    let program = bundle.programs.last_mut().unwrap();
    let mut class = elf::read(program).unwrap().class;
    class.parts.clear();
    class.root.name = ALTERED.to_owned();
    class.root.code = code;
    class.root.relocations.clear();
    class.root.lines.truncate(1);
    *program = elf::write(&class).unwrap().into();
    bundle.encode().unwrap()
}

#[test]
fn programs_that_the_kernel_or_the_agent_refuses_change_nothing() {
    let Some(scene) = Scene::new("tx-program") else {
        return;
    };
    let node = Variants::enforcing(scene);
    let now = node.in_force();
    let (loaded, hooks, epoch) = (
        programs(&node.scene),
        links(&node.scene),
        node.scene.status().epoch,
    );
    let exit = Insn {
        opcode: 0x95,
        ..Insn::default()
    };
    // r0 = r9, which nothing was put into.
    let reads_nothing = Insn {
        opcode: 0xbf,
        source: 9,
        ..Insn::default()
    };
    // r0 = 0
    let zero = Insn {
        opcode: 0xb7,
        ..Insn::default()
    };
    for (code, words) in [
        (vec![reads_nothing, exit], "R9 !read_ok"),
        (vec![zero, exit], "does not reach a verdict"),
    ] {
        let bundle = with_program(now.next(), code);
        for _ in 0..3 {
            let (code, said) = node.try_apply_bundle(&bundle, now.next());
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(words), "{said}");
            assert!(said.contains("what was in force stays in force"), "{said}");
            assert_eq!(node.in_force(), now);
            assert_eq!(node.scene.status().epoch, epoch);
            assert_eq!(programs(&node.scene), loaded);
            assert_eq!(links(&node.scene), hooks);
        }
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while altered_programs() > 0 {
        assert!(Instant::now() < deadline, "programs are left over");
        thread::sleep(Duration::from_millis(20));
    }
    node.apply(now.next());
}

/// Programs of [`with_program`] in the kernel.
fn altered_programs() -> usize {
    let programs = aya::programs::loaded_programs().flatten();
    programs
        .filter(|program| program.name() == ALTERED.as_bytes())
        .count()
}
