//! Every kind of packet that a package tells apart.

use polc_codegen::{ClassProgram, Compiler, Limits, opcode};
use polc_equivalence::exhaustive::{Coverage, Wrong, exhaust};
use polc_model::Direction;
use polc_plan::{Choice, ClassKey, Strategy};
use polc_testgen::Case;

/// Asks about every class of a package, with programs changed by `mutate`.
fn all(
    seed: u64,
    choice: Choice,
    mutate: fn(&mut ClassProgram),
    coverage: &mut Coverage,
) -> Result<(), Box<Wrong>> {
    let case = Case::new(seed, &["veth-a"]);
    let endpoints = case.inventory.endpoints.iter();
    let keys = endpoints.flat_map(|endpoint| {
        let facts = case.inventory.facts(endpoint, None);
        Direction::BOTH.map(|direction| ClassKey::of(&case.model, direction, &facts))
    });
    let plan = polc_plan::plan_with(&case.model, keys, choice).unwrap_or_default();
    let compiler = Compiler::new(&case.model);
    for class in &plan.classes {
        let program = compiler.compile(class, Limits::default());
        let mut program = program.unwrap_or_default();
        mutate(&mut program);
        exhaust(&case.model, class, &program, 16, coverage)?;
    }
    Ok(())
}

#[test]
fn random_packages_mean_what_the_reference_says_packet_by_packet() {
    let mut coverage = Coverage::default();
    for seed in 0..10 {
        for choice in [Choice::Cheapest, Choice::Always(Strategy::ALL[3])] {
            let found = all(seed, choice, |_| {}, &mut coverage);
            assert!(
                found.is_ok(),
                "seed {seed}: {}",
                found
                    .err()
                    .map(|wrong| wrong.to_string())
                    .unwrap_or_default()
            );
        }
    }
    assert!(
        coverage.packets > 1_000 && coverage.signatures > 100,
        "{coverage:?}"
    );
    assert!(coverage.empty_classes > 0, "{coverage:?}");
}

/// A fault that one packet in 2^24 shows: the last port of an interval.
#[test]
fn a_fault_at_a_single_port_is_found() {
    let off_by_one = |class: &mut ClassProgram| {
        let code = &mut class.root.code;
        let last = code
            .iter_mut()
            .rfind(|insn| insn.opcode == opcode::JUMP_GE32_IMM);
        if let Some(insn) = last {
            insn.immediate += 1;
        }
    };
    let mut coverage = Coverage::default();
    let choice = Choice::Always(Strategy::ALL[0]);
    let found = (0..20).filter(|&seed| all(seed, choice, off_by_one, &mut coverage).is_err());
    assert!(found.count() > 10);
}
