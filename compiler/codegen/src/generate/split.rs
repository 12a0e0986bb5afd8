//! Classes that are too long for one program: a root that finds the part by the L4 key and tail
//! calls it. Each part decides some of the intervals, by itself, so that a packet never runs
//! through more than one.

use std::collections::BTreeMap;

use polc_abi::key::L4Key;
use polc_model::{Model, Phase};
use polc_plan::{
    ClassKey, ClassPlan, Decisions, Dispatch, Interval, LeafId, Leaves, strategy::MAX_TESTS,
};

use super::{CONTEXT, Cause, Compiler, Generator, INPUT, L4, Limits, Reads, at, program};
use crate::{
    asm::{Label, Width},
    insn::{Register, helper},
    program::{ClassProgram, Program, Target},
};
use polc_abi::policy::offset;

/// Compiles a class into as few programs as hold it.
pub(super) fn class(
    compiler: &Compiler<'_>,
    class: &ClassPlan,
    limits: Limits,
) -> Result<ClassProgram, Cause> {
    if let Some(tests) = class.scopes().filter_map(most_tests).max()
        && tests > MAX_TESTS
    {
        return Err(Cause::Tests(tests));
    }
    let name = function_name(compiler.model, &class.key);
    let whole = program(compiler, class, name.clone());
    let length = match &whole {
        Ok((root, _)) if root.code.len() <= limits.instructions => 0,
        Ok((root, _)) => root.code.len(),
        Err(Cause::Code(length)) => *length,
        Err(_) => 0,
    };
    if length == 0 || !class.scopes().all(can_be_restricted) {
        let (root, table) = whole?;
        return Ok(ClassProgram {
            root,
            parts: Vec::new(),
            table: table.into_bytes(),
        });
    }

    let mut splitter = Splitter {
        compiler,
        class,
        limits,
        name: &name,
        firsts: Vec::new(),
        parts: Vec::new(),
    };
    let mut firsts: Vec<u32> = class
        .scopes()
        .flat_map(|scope| scope.intervals.iter().map(|interval| interval.first))
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    splitter.split(&firsts, L4Key::ANY_LAST.0)?;
    let Splitter { firsts, parts, .. } = splitter;
    Ok(ClassProgram {
        root: root(compiler, class, name, &firsts)?,
        parts,
        table: Vec::new(),
    })
}

/// Tests in code on one path.
fn most_tests(decisions: &Decisions) -> Option<usize> {
    matches!(decisions.leaves, Leaves::Tests(_)).then(|| decisions.most_tests())
}

/// What looks its leaves up does not get shorter with fewer intervals.
fn can_be_restricted(decisions: &Decisions) -> bool {
    decisions.dispatch == Dispatch::Tree && matches!(decisions.leaves, Leaves::Tests(_))
}

struct Splitter<'a> {
    compiler: &'a Compiler<'a>,
    class: &'a ClassPlan,
    limits: Limits,
    name: &'a str,
    /// The first key of each part.
    firsts: Vec<u32>,
    parts: Vec<Program>,
}

impl Splitter<'_> {
    /// Compiles the intervals that begin at these keys, up to the key `last`.
    fn split(&mut self, firsts: &[u32], last: u32) -> Result<(), Cause> {
        let Some(&first) = firsts.first() else {
            return Err(Cause::Plan);
        };
        let part = ClassPlan {
            key: self.class.key.clone(),
            layout: self.class.layout.clone(),
            enforced: restrict(&self.class.enforced, first, last).ok_or(Cause::Plan)?,
            audited: match &self.class.audited {
                Some(audited) => Some(restrict(audited, first, last).ok_or(Cause::Plan)?),
                None => None,
            },
        };
        let name = format!("{}__part_{}", self.name, self.parts.len());
        let length = match program(self.compiler, &part, name) {
            // What is decided at one key cannot be split, and is short enough if it assembles.
            Ok((program, _))
                if program.code.len() <= self.limits.instructions || firsts.len() == 1 =>
            {
                if self.parts.len() == self.limits.parts {
                    return Err(Cause::Code(self.limits.instructions * self.limits.parts));
                }
                self.firsts.push(first);
                self.parts.push(program);
                return Ok(());
            }
            Ok((program, _)) => program.code.len(),
            Err(Cause::Code(length)) => length,
            Err(other) => return Err(other),
        };
        let (left, right) = firsts.split_at(firsts.len() / 2);
        match (left, right) {
            ([], _) | (_, []) => Err(Cause::Code(length)),
            (left, [middle, ..]) => {
                self.split(left, middle - 1)?;
                self.split(right, last)
            }
        }
    }
}

/// The decisions about the keys from `first` to `last`; about others, anything.
fn restrict(decisions: &Decisions, first: u32, last: u32) -> Option<Decisions> {
    let Leaves::Tests(all) = &decisions.leaves else {
        return None;
    };
    let after = |key: u32| {
        decisions
            .intervals
            .partition_point(|interval| interval.first <= key)
    };
    let range = after(first).checked_sub(1)?..after(last);
    let mut ids: BTreeMap<LeafId, LeafId> = BTreeMap::new();
    let mut leaves = Vec::new();
    let mut intervals = Vec::new();
    for interval in decisions.intervals.get(range)? {
        let leaf = match ids.get(&interval.leaf) {
            Some(&leaf) => leaf,
            None => {
                leaves.push(all.get(interval.leaf.0)?.clone());
                let leaf = LeafId(leaves.len() - 1);
                ids.insert(interval.leaf, leaf);
                leaf
            }
        };
        intervals.push(Interval {
            first: if intervals.is_empty() {
                0
            } else {
                interval.first
            },
            leaf,
        });
    }
    Some(Decisions {
        dispatch: decisions.dispatch,
        intervals,
        leaves: Leaves::Tests(leaves),
    })
}

/// The program that finds the part.
fn root(
    compiler: &Compiler<'_>,
    class: &ClassPlan,
    name: String,
    firsts: &[u32],
) -> Result<Program, Cause> {
    let mut generator = Generator::new(compiler, class);
    generator.entry(Reads::default());
    generator.asm.load(Width::U32, L4, INPUT, at(offset::L4));
    let labels: Vec<Label> = firsts.iter().map(|_| generator.asm.label()).collect();
    let intervals: Vec<Interval> = (0..)
        .map(LeafId)
        .zip(firsts)
        .map(|(leaf, &first)| Interval { first, leaf })
        .collect();
    generator.tree(&intervals, &labels).ok_or(Cause::Plan)?;
    for (part, label) in (0..).zip(labels) {
        generator.asm.place(label);
        generator.asm.copy(Register::R1, CONTEXT);
        generator.asm.load_target(Register::R2, Target::PoliciesMap);
        generator.asm.load_target(Register::R3, Target::Part(part));
        generator.asm.call(helper::TAIL_CALL);
        // The part is missing: no verdict, which the continuation reports.
        generator.asm.jump(generator.done);
    }
    generator.exit();
    Ok(generator.finish(name)?.0)
}

/// A C identifier that people recognise: direction and policies.
fn function_name(model: &Model, key: &ClassKey) -> String {
    let mut name = key.direction.name().to_owned();
    if key.phase == Phase::Init {
        name.push_str("_init");
    } else if key.policies.is_empty() {
        name.push_str("_no_policy");
    }
    for &policy in key.policies.iter().take(3) {
        name.push_str("__");
        let policy = model
            .policy(policy)
            .map_or("", |policy| policy.name.as_str());
        name.extend(
            policy
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
        );
    }
    if key.policies.len() > 3 {
        name.push_str(&format!("__and_{}_more", key.policies.len() - 3));
    }
    name
}
