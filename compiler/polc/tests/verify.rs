//! `polc verify`: what is found in a bundle without a node.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics fails"
)]

mod support;

use std::fs;

use polc_bundle::Bundle;
use polc_codegen::{
    ClassProgram, Target,
    asm::{Assembler, Width},
    elf,
    insn::{Register, helper},
};
use support::{Files, Run, SMALL_PACKAGE as WEB, snapshot};

/// A built package, signed with `one.key`.
fn signed() -> Files {
    let files = Files::new([("shop/web.pol", WEB)]);
    let steps: [&[&str]; 4] = [
        &["build", "shop"],
        &[
            "keygen",
            "--no-password",
            "--key",
            "one.key",
            "--public-key",
            "one.pub",
        ],
        &[
            "keygen",
            "--no-password",
            "--key",
            "two.key",
            "--public-key",
            "two.pub",
        ],
        &["sign", "shop.polb", "--key", "one.key"],
    ];
    for step in steps {
        let run = files.polc(step);
        assert_eq!(run.code, 0, "{step:?}: {}", run.err);
    }
    files
}

/// Writes the bundle again after a change, with digests that fit.
fn change(files: &Files, change: impl FnOnce(&mut Bundle)) {
    let path = files.path().join("shop.polb");
    let mut bundle = Bundle::decode(fs::read(&path).unwrap()).unwrap();
    change(&mut bundle);
    fs::write(path, bundle.encode().unwrap()).unwrap();
}

fn verify(files: &Files, more: &[&str]) -> Run {
    files.polc(&[&["verify", "shop.polb"], more].concat())
}

/// The result of a check.
fn result(files: &Files, check: &str, more: &[&str]) -> String {
    let run = verify(files, &[more, &["--format", "json"]].concat());
    let reports: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let checks = reports[0]["checks"].as_array().unwrap();
    let found = checks.iter().find(|one| one["check"] == check).unwrap();
    assert_eq!(reports[0]["verified"], run.code == 0);
    found["result"].as_str().unwrap().to_owned()
}

/// As shown, without what differs from build to build: keys, prevail, which is a feature, the kernel,
/// which not everybody may ask, and what any change to the compiler changes.
fn shown(name: &str, files: &Files, more: &[&str]) -> i32 {
    let run = verify(files, more);
    let mut text = run.shown(&[&["verify", "shop.polb"], more].concat());
    for (file, stand_in) in [("one.pub", "KEY-ONE"), ("two.pub", "KEY-TWO")] {
        let public = fs::read_to_string(files.path().join(file)).unwrap();
        let id = public.lines().next().unwrap().rsplit(' ').next().unwrap();
        text = text.replace(id, stand_in);
    }
    let shown = text
        .lines()
        .filter(|line| !line.starts_with("  prevail ") && !line.starts_with("  kernel "))
        .map(|line| match line.split_once("at most ") {
            Some((budgets, _)) => format!("{budgets}at most …\n"),
            None => format!("{line}\n"),
        });
    let shown = without_digests(&shown.collect::<String>());
    snapshot("cli", name, &shown);
    run.code
}

/// `DIGEST` for every run of 64 hexadecimal digits.
fn without_digests(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_hexdigit());
    words
        .map(|word| {
            let digits = word.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            if digits.len() == 64 {
                word.replace(digits, "DIGEST")
            } else {
                word.to_owned()
            }
        })
        .collect()
}

#[test]
fn what_was_built_and_signed_is_verified() {
    let files = signed();
    let keys = ["--public-key", "two.pub", "--public-key", "one.pub"];
    assert_eq!(shown("verify_fine", &files, &keys), 0);
    assert_eq!(result(&files, "signature", &keys), "passed");
    // Without a key nothing is claimed.
    assert_eq!(shown("verify_without_key", &files, &[]), 0);
    assert_eq!(result(&files, "signature", &[]), "not_made");
}

#[test]
fn signatures_that_prove_nothing_are_refused() {
    let files = signed();
    assert_eq!(
        shown("verify_other_key", &files, &["--public-key", "two.pub"]),
        1
    );
    let one = ["--public-key", "one.pub"];
    let path = files.path().join("shop.polb.minisig");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("package:shop", "package:ship")).unwrap();
    assert_eq!(shown("verify_changed_signature", &files, &one), 1);
    fs::write(&path, "hello").unwrap();
    assert_eq!(result(&files, "signature", &one), "failed");
    fs::remove_file(&path).unwrap();
    assert_eq!(shown("verify_unsigned", &files, &one), 1);
    assert_eq!(result(&files, "signature", &[]), "not_made");
    // A key that is none is a mistake, not a finding.
    let run = verify(&files, &["--public-key", "shop.polb.minisig"]);
    assert_eq!(run.code, 2);
    let run = verify(&files, &["--public-key", "one.key"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("not a public key"), "{}", run.err);
}

#[test]
fn a_signature_for_other_bytes_does_not_help() {
    let files = signed();
    change(&files, |bundle| bundle.compiler = "0.0.1".to_owned());
    let one = ["--public-key", "one.pub"];
    assert_eq!(result(&files, "decoding", &one), "passed");
    assert_eq!(result(&files, "signature", &one), "failed");
}

#[test]
fn a_damaged_bundle_is_a_finding_and_a_missing_one_a_mistake() {
    let files = signed();
    let path = files.path().join("shop.polb");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(
        shown("verify_damaged", &files, &["--public-key", "one.pub"]),
        1
    );
    assert_eq!(files.polc(&["verify", "missing.polb"]).code, 2);
}

#[test]
fn what_a_bundle_says_does_not_reach_the_terminal_as_a_command() {
    let files = signed();
    change(&files, |bundle| bundle.compiler = "\x1b[2J0.1.0".to_owned());
    let run = verify(&files, &[]);
    assert!(
        run.out.contains("compiled by polc ?[2J0.1.0"),
        "{}",
        run.out
    );
}

/// Whoever may load programs gets the kernel's word on each, and others are told that they may not.
#[test]
fn the_kernel_takes_what_was_compiled() {
    let files = signed();
    let found = result(&files, "kernel", &[]);
    if found == "not_made" {
        eprintln!("skipped: the_kernel_takes_what_was_compiled: this user may load no programs");
        return;
    }
    assert_eq!(found, "passed");
    let run = verify(&files, &[]);
    assert!(
        run.out
            .contains("3 programs loaded; the verifier looks at "),
        "{}",
        run.out
    );
}

#[test]
fn a_program_that_means_something_else_is_refused() {
    let files = signed();
    assert_eq!(result(&files, "meaning", &[]), "not_made");
    assert_eq!(result(&files, "meaning", &["--exhaustive"]), "passed");
    assert_eq!(shown("verify_exhaustive", &files, &["--exhaustive"]), 0);
    change(&files, |bundle| {
        // Nothing else notices: another compiler may have made it.
        bundle.compiler = "0.0.1".to_owned();
        let program = bundle.programs.last_mut().unwrap();
        *program = open_door("egress__web").into();
    });
    assert_eq!(result(&files, "meaning", &["--exhaustive"]), "failed");
}

/// A class's file that holds this program.
fn written(asm: Assembler, name: &str) -> Vec<u8> {
    let class = ClassProgram {
        root: asm.assemble(name.to_owned()).unwrap(),
        ..ClassProgram::default()
    };
    elf::write(&class).unwrap()
}

/// A program that allows whatever comes.
fn open_door(name: &str) -> Vec<u8> {
    let mut asm = Assembler::default();
    asm.set(Register::R0, -1);
    asm.exit();
    written(asm, name)
}

#[test]
fn a_program_that_nobody_compiled_is_refused() {
    let files = signed();
    change(&files, |bundle| {
        bundle.programs[0] = open_door("ingress__web").into()
    });
    assert_eq!(shown("verify_other_program", &files, &[]), 1);
    assert_eq!(result(&files, "programs", &[]), "failed");
    // An older compiler may have made it; nobody here can tell, so it is said.
    change(&files, |bundle| bundle.compiler = "0.0.1".to_owned());
    assert_eq!(shown("verify_other_compiler", &files, &[]), 0);
    assert_eq!(result(&files, "programs", &[]), "noted");
}

#[test]
fn a_program_over_budget_is_refused() {
    let files = signed();
    change(&files, |bundle| {
        let mut asm = Assembler::default();
        let end = asm.label();
        for _ in 0..5000 {
            asm.jump_if_null(Register::R1, end);
        }
        asm.place(end);
        asm.exit();
        bundle.compiler = "0.0.1".to_owned();
        bundle.programs[0] = written(asm, "f").into();
    });
    assert_eq!(result(&files, "budgets", &[]), "failed");
    change(&files, |bundle| {
        bundle.programs[0] = b"no ELF file".as_slice().into()
    });
    assert_eq!(result(&files, "budgets", &[]), "failed");
}

#[test]
fn a_program_that_reads_where_it_must_not_is_refused_by_prevail() {
    if !cfg!(feature = "prevail") {
        eprintln!(
            "skipped: a_program_that_reads_where_it_must_not_is_refused_by_prevail: built without \
             the feature `prevail`"
        );
        return;
    }
    let files = signed();
    assert_eq!(result(&files, "prevail", &[]), "passed");
    change(&files, |bundle| {
        let mut asm = Assembler::default();
        asm.store_u32(Register::R10, -4, 0);
        asm.copy(Register::R2, Register::R10);
        asm.add(Register::R2, -4);
        asm.load_target(Register::R1, Target::InputMap);
        asm.call(helper::MAP_LOOKUP);
        // No check whether there is an input.
        asm.load(Width::U32, Register::R0, Register::R0, 0);
        asm.exit();
        bundle.compiler = "0.0.1".to_owned();
        bundle.programs[0] = written(asm, "f").into();
    });
    assert_eq!(result(&files, "prevail", &[]), "failed");
    assert_eq!(result(&files, "budgets", &[]), "passed");
}

#[test]
fn the_example_is_verified() {
    let files = Files::new([]);
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/examples/shop");
    assert_eq!(files.polc(&["build", shop]).code, 0);
    let run = verify(&files, &[]);
    assert_eq!(run.code, 0, "{}", run.out);
}
