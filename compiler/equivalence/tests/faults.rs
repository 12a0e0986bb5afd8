//! A test of the test: deliberate faults of planning and code generation, each of which the
//! comparison must notice.

use polc_codegen::{ClassProgram, Insn, Limits, Target, opcode};
use polc_equivalence::{Fault, Options, compare_faulty};
use polc_model::{Decider, Decision, Verdict};
use polc_plan::{
    Choice, ClassPlan, Dispatch, LeafForm, Leaves, NameId, Step, Strategy, Then, bitmap::Outcome,
};
use polc_testgen::Case;

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];
/// Packages to ask before a fault counts as unnoticed.
const PACKAGES: u64 = 300;

const TESTS: Strategy = Strategy::new(Dispatch::Tree, LeafForm::Tests);
const TABLE: Strategy = Strategy::new(Dispatch::Table, LeafForm::Tests);
const BITMAP: Strategy = Strategy::new(Dispatch::Tree, LeafForm::Bitmap);

/// The faults: name, strategy, and what is done.
const FAULTS: &[(&str, Strategy, Fault)] = &[
    ("an interval begins one too late", TESTS, Fault::Plan(late)),
    (
        "an interval begins one too early",
        TESTS,
        Fault::Plan(early),
    ),
    (
        "an interval ends one too late in a table",
        TABLE,
        Fault::Plan(late),
    ),
    (
        "two rules are asked in the wrong order",
        TESTS,
        Fault::Plan(swapped),
    ),
    (
        "deny comes behind allow in a bitmap",
        BITMAP,
        Fault::Plan(swapped_columns),
    ),
    ("isolation is forgotten", TESTS, Fault::Plan(not_isolated)),
    (
        "isolation is forgotten in a bitmap",
        BITMAP,
        Fault::Plan(not_isolated),
    ),
    ("pass decides", TESTS, Fault::Plan(pass_allows)),
    (
        "pass leaves the tier too late",
        TESTS,
        Fault::Plan(pass_too_far),
    ),
    (
        "the first mask of a bitmap is lost",
        BITMAP,
        Fault::Plan(lost_mask),
    ),
    ("audited policies count", TESTS, Fault::Plan(audit_enforced)),
    (
        "audited policies are not asked",
        TESTS,
        Fault::Plan(audit_forgotten),
    ),
    (
        "the upper half of a word is tested as the lower",
        TESTS,
        Fault::Program(wrong_half),
    ),
    (
        "a comparison is off by one",
        TESTS,
        Fault::Program(off_by_one),
    ),
    (
        "a test of bits is turned into its neighbour",
        TESTS,
        Fault::Program(wrong_bit),
    ),
    (
        "a word of the bitmap is not masked",
        BITMAP,
        Fault::Program(unmasked),
    ),
    (
        "a named port is any port of its protocol",
        TESTS,
        Fault::Plan(name_not_asked),
    ),
    (
        "the bit of a name is lost",
        TESTS,
        Fault::Plan(another_name),
    ),
    (
        "a named port is any port of its protocol in a bitmap",
        BITMAP,
        Fault::Plan(column_not_named),
    ),
    (
        "a bitmap's rules for one name are taken for those of the next",
        BITMAP,
        Fault::Program(wrong_name),
    ),
    (
        "a name is taken for its neighbour, and tests follow a table",
        TABLE,
        Fault::Program(wrong_name),
    ),
    (
        "named ports are looked up at the sender",
        TESTS,
        Fault::NamesOfSender,
    ),
    (
        "the decider of another rule is named",
        TESTS,
        Fault::Program(wrong_decider),
    ),
    (
        "a block of selectors is taken for another",
        BITMAP,
        Fault::Program(wrong_block),
    ),
    (
        "a table is read from a byte too early",
        TABLE,
        Fault::Program(wrong_entry),
    ),
];

#[test]
fn every_fault_is_noticed() {
    for (name, strategy, fault) in FAULTS {
        let options = Options {
            choice: Choice::Always(*strategy),
            limits: Limits::default(),
        };
        let noticed = (0..PACKAGES).find_map(|seed| {
            compare_faulty(Case::new(seed, &INTERFACES), 20, options, fault).err()
        });
        assert!(noticed.is_some(), "not noticed: {name}");
    }
}

#[test]
fn a_fault_is_shown_as_a_small_package_and_a_packet() {
    let options = Options {
        choice: Choice::Always(TESTS),
        limits: Limits::default(),
    };
    let case = Case::new(1, &INTERFACES);
    let before = case.model.rules.len();
    let mut seeds = 1..PACKAGES;
    let found = seeds.find_map(|seed| {
        let case = Case::new(seed, &INTERFACES);
        compare_faulty(case, 20, options, &Fault::Plan(not_isolated)).err()
    });
    let found = found.map(|found| (found.case.model.clone(), found.to_string()));
    let (model, text) = found.unwrap_or_default();
    assert!(
        model.policies.len() == 1 && model.rules.len() < before,
        "{text}"
    );
    assert!(
        text.contains("policy policy_") && text.contains("packet Probe"),
        "{text}"
    );
}

fn late(class: &mut ClassPlan) {
    for interval in class.enforced.intervals.iter_mut().skip(1) {
        interval.first += 1;
    }
}

fn early(class: &mut ClassPlan) {
    for interval in class.enforced.intervals.iter_mut().skip(1) {
        interval.first -= 1;
    }
}

fn swapped(class: &mut ClassPlan) {
    if let Leaves::Tests(leaves) = &mut class.enforced.leaves {
        for leaf in leaves {
            if let [one, other, _, ..] = leaf.steps.as_mut_slice()
                && matches!((one.then, other.then), (Then::Decide(_), Then::Decide(_)))
                && other.when.is_some()
            {
                std::mem::swap(one, other);
            }
        }
    }
}

fn swapped_columns(class: &mut ClassPlan) {
    if let Leaves::Bitmap(bitmap) = &mut class.enforced.leaves {
        for tier in &mut bitmap.tiers {
            if let [one, other, ..] = tier.columns.as_mut_slice() {
                std::mem::swap(&mut one.then, &mut other.then);
            }
        }
    }
}

const ALLOW: Decision = Decision {
    verdict: Verdict::Allow,
    decider: Decider::NoPolicy,
};

fn not_isolated(class: &mut ClassPlan) {
    let is_isolation = |decision: &Decision| matches!(decision.decider, Decider::Isolation(_));
    match &mut class.enforced.leaves {
        Leaves::Tests(leaves) => {
            for step in leaves.iter_mut().flat_map(|leaf| &mut leaf.steps) {
                if let Then::Decide(decision) = &mut step.then
                    && is_isolation(decision)
                {
                    *decision = ALLOW;
                }
            }
        }
        Leaves::Bitmap(bitmap) => {
            for tier in bitmap.rows.iter_mut().flat_map(|row| &mut row.tiers) {
                if let Outcome::Decide(decision) = &mut tier.otherwise
                    && is_isolation(decision)
                {
                    *decision = ALLOW;
                }
            }
        }
    }
}

fn pass_allows(class: &mut ClassPlan) {
    change_skips(class, |_| Then::Decide(ALLOW));
}

fn pass_too_far(class: &mut ClassPlan) {
    if let Leaves::Tests(leaves) = &mut class.enforced.leaves {
        for leaf in leaves {
            let last = leaf.steps.len() - 1;
            for step in &mut leaf.steps {
                if let Then::SkipTo(target) = &mut step.then {
                    *target = last;
                }
            }
        }
    }
}

fn change_skips(class: &mut ClassPlan, to: fn(usize) -> Then) {
    if let Leaves::Tests(leaves) = &mut class.enforced.leaves {
        for step in leaves.iter_mut().flat_map(|leaf| &mut leaf.steps) {
            if let Then::SkipTo(target) = step.then {
                step.then = to(target);
            }
        }
    }
}

fn lost_mask(class: &mut ClassPlan) {
    if let Leaves::Bitmap(bitmap) = &mut class.enforced.leaves {
        for tier in bitmap.rows.iter_mut().flat_map(|row| &mut row.tiers) {
            if let Some(word) = tier.mask.first_mut() {
                *word = 0;
            }
        }
    }
}

fn audit_enforced(class: &mut ClassPlan) {
    if let Some(audited) = &class.audited {
        class.enforced = audited.clone();
    }
}

fn audit_forgotten(class: &mut ClassPlan) {
    class.audited = None;
}

/// The steps of leaves that ask for names.
fn change_named(class: &mut ClassPlan, to: impl Fn(&mut Step)) {
    if let Leaves::Tests(leaves) = &mut class.enforced.leaves {
        let steps = leaves.iter_mut().flat_map(|leaf| &mut leaf.steps);
        steps.filter(|step| step.named.is_some()).for_each(to);
    }
}

fn name_not_asked(class: &mut ClassPlan) {
    change_named(class, |step| step.named = None);
}

fn another_name(class: &mut ClassPlan) {
    if class.layout.names.len() > 1 {
        change_named(class, |step| {
            step.named = step.named.map(|NameId(name)| NameId(u32::from(name == 0)));
        });
    }
}

fn column_not_named(class: &mut ClassPlan) {
    if let Leaves::Bitmap(bitmap) = &mut class.enforced.leaves {
        for column in bitmap.tiers.iter_mut().flat_map(|tier| &mut tier.columns) {
            column.named = None;
        }
    }
}

fn wrong_name(class: &mut ClassProgram) {
    let programs = [&mut class.root].into_iter().chain(&mut class.parts);
    let relocations = programs.flat_map(|program| &mut program.relocations);
    let mut names: Vec<&mut u32> = relocations
        .filter_map(|one| match &mut one.target {
            Target::Name(name) => Some(name),
            _ => None,
        })
        .collect();
    let last = names.iter().map(|name| **name).max();
    for name in &mut names {
        **name = if Some(**name) == last { 0 } else { **name + 1 };
    }
}

/// Changes every instruction with this operation code.
fn change(class: &mut ClassProgram, opcode: u8, to: impl Fn(&mut Insn)) {
    for insn in class
        .root
        .code
        .iter_mut()
        .filter(|insn| insn.opcode == opcode)
    {
        to(insn);
    }
}

fn wrong_half(class: &mut ClassProgram) {
    const POINTER: u8 = 3;
    change(class, opcode::LOAD_U32, |insn| {
        if insn.source == POINTER {
            insn.offset = 0;
        }
    });
}

fn off_by_one(class: &mut ClassProgram) {
    change(class, opcode::JUMP_GE32_IMM, |insn| insn.immediate += 1);
}

fn wrong_bit(class: &mut ClassProgram) {
    change(class, opcode::JUMP_SET32_IMM, |insn| {
        insn.immediate = insn.immediate.rotate_left(1);
    });
}

fn unmasked(class: &mut ClassProgram) {
    change(class, opcode::AND64_REG, |insn| {
        // The mask is in the register that holds the isolated bit elsewhere.
        if insn.source == 3 {
            insn.source = insn.destination;
        }
    });
}

fn wrong_decider(class: &mut ClassProgram) {
    const DECIDER: i16 = 8;
    change(class, opcode::STORE_U32_IMM, |insn| {
        if insn.offset == DECIDER {
            insn.immediate ^= 1;
        }
    });
}

fn wrong_block(class: &mut ClassProgram) {
    let mut blocks = class
        .root
        .relocations
        .iter_mut()
        .filter_map(|one| match &mut one.target {
            Target::Block(block) => Some(block),
            _ => None,
        });
    if let (Some(one), Some(other)) = (blocks.next(), blocks.next()) {
        std::mem::swap(one, other);
    }
}

fn wrong_entry(class: &mut ClassProgram) {
    change(class, opcode::LOAD_U16, |insn| insn.offset -= 2);
}
