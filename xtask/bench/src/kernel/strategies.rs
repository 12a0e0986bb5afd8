//! What each strategy of a program costs, over numbers of intervals and of rules that match the
//! same port, for the slowest packet: one whose peer is only the last rule's. Beside them, what the
//! cost model of `compiler/plan/src/strategy.rs` picks.

use polc_abi::{key::protocol, policy::offset};
use polc_agent::sys::{
    create::{Kind, WordRows},
    map::Map,
    program::LoadedProgram,
};
use polc_codegen::{ClassProgram, CodegenError, Compiler, Limits, insn::Register};
use polc_model::{Model, SelectorId};
use polc_plan::{Choice, ClassPlan, Strategy, class, layout::WORD_BITS};
use polc_tables::Placement;

use super::{
    Result,
    class::{Maps, Put, at},
    code::{Code, Width},
    model::{Package, class_of, label},
    timing::time,
};

const INTERVALS: [u16; 6] = [4, 16, 64, 256, 1_024, 4_096];
const RULES: [usize; 6] = [1, 4, 16, 64, 256, 1_024];
/// What is longer is not generated: it is beyond what a class may be, and takes its time.
const MOST_TESTS: usize = 300_000;
/// A program of at least this length is also measured in parts.
const WORTH_SPLITTING: usize = 1_000;
const RUNS: u32 = 50_000;
/// Random keys, prepared.
const KEYS: u32 = 4_096;

pub(super) fn run() -> Result<()> {
    println!(
        "  nanoseconds without the driver (fastest rounds), thousands of instructions / parts, KiB \
         of table, ms to load"
    );
    print!("  {:>9} {:>6}", "intervals", "rules");
    for strategy in Strategy::ALL {
        print!(" {:>27}", strategy.to_string());
    }
    println!(
        " {:>22} {:>28}",
        "tree of tests, 4 parts", "picked, beside the fastest"
    );
    for intervals in INTERVALS {
        for rules in RULES {
            row(intervals, rules)?;
        }
    }
    Ok(())
}

fn row(intervals: u16, rules: usize) -> Result<()> {
    let package = package(intervals, rules);
    let bench = Bench::new(intervals, rules)?;
    let mut measured = Vec::new();
    print!("  {intervals:>9} {rules:>6}");
    for strategy in Strategy::ALL {
        let made = if tests(strategy, intervals, rules) > MOST_TESTS {
            None
        } else {
            Made::new(&package.model, Choice::Always(strategy), Limits::default())
        };
        let Some(made) = made else {
            print!(" {:>27}", "-");
            continue;
        };
        let (time, put) = bench.measure(&made)?;
        print!(" {:>27}", made.describe(time, put));
        measured.push((strategy, time));
    }
    let whole = Strategy::ALL.first().and_then(|&strategy| {
        let known = measured.iter().any(|(measured, _)| *measured == strategy);
        known.then(|| Made::new(&package.model, Choice::Always(strategy), Limits::default()))?
    });
    let length = whole.map_or(0, |made| made.program.instructions());
    let parts = (length >= WORTH_SPLITTING)
        .then(|| {
            let limits = Limits {
                instructions: length / 3,
                ..Limits::default()
            };
            Made::new(
                &package.model,
                Choice::Always(*Strategy::ALL.first()?),
                limits,
            )
        })
        .flatten()
        .filter(|made| !made.program.parts.is_empty());
    match parts {
        Some(made) => {
            let (time, _) = bench.measure(&made)?;
            print!(
                " {:>22}",
                format!("{time:.0} in {}", made.program.parts.len())
            );
        }
        None => print!(" {:>22}", "-"),
    }
    let picked = Made::new(&package.model, Choice::Cheapest, Limits::default());
    let fastest = measured
        .iter()
        .map(|(_, time)| *time)
        .min_by(f64::total_cmp);
    if let (Some(picked), Some(fastest)) = (picked, fastest) {
        let picked = picked.class.enforced.strategy();
        let time = measured.iter().find(|(strategy, _)| *strategy == picked);
        let time = time.map_or(f64::NAN, |(_, time)| *time);
        print!(" {:>20} {:>+4.0} ns", picked.to_string(), time - fastest);
    }
    println!();
    Ok(())
}

/// Tests of all leaves, where they are code.
fn tests(strategy: Strategy, intervals: u16, rules: usize) -> usize {
    match strategy.leaves {
        polc_plan::LeafForm::Tests => rules * (usize::from(intervals) / 2).min(rules + 1),
        polc_plan::LeafForm::Bitmap => 0,
    }
}

/// One more rule than match any port: each port does without another of them, so that there are as
/// many leaves as may be.
fn package(intervals: u16, rules: usize) -> Package {
    let mut package = Package::new();
    package.policy("measured");
    for rule in 0..=rules {
        let peers = package.selector(label("app", &format!("app-{rule}")));
        let ports = (0..intervals / 2).filter(|port| usize::from(*port) % (rules + 1) != rule);
        package.allow(peers, ports.map(port));
    }
    // A rule without a port is none.
    package
        .model
        .rules
        .retain(|rule| rule.l4 != polc_model::L4Match::Of(Vec::new()));
    package
}

const fn port(number: u16) -> u16 {
    1_000 + 2 * number
}

/// A class, compiled.
struct Made {
    class: ClassPlan,
    program: ClassProgram,
}

impl Made {
    /// `None` for what does not fit.
    fn new(model: &Model, choice: Choice, limits: Limits) -> Option<Self> {
        let key = class_of(polc_model::PolicyId::new(0));
        let class = class::plan(model, key, choice);
        let program: std::result::Result<_, CodegenError> =
            Compiler::new(model).compile(&class, limits);
        Some(Self {
            program: program.ok()?,
            class,
        })
    }

    fn describe(&self, time: f64, put: Put) -> String {
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let thousands = self.program.instructions() as f64 / 1e3;
        let parts = match self.program.parts.len() {
            0 => String::new(),
            parts => format!("/{parts}"),
        };
        format!(
            "{time:.0} {thousands:.1}{parts} {} {:.1}",
            self.program.table.len() / 1024,
            put.load_time.as_secs_f64() * 1e3,
        )
    }
}

/// Random packets of one peer, and where programs are put to be asked about them.
struct Bench {
    maps: Maps,
    driver: LoadedProgram,
    last: usize,
}

impl Bench {
    fn new(intervals: u16, rules: usize) -> Result<Self> {
        let maps = Maps::new()?;
        let keys: Map<u32, u32> = Map::create("bench_keys", Kind::Array, KEYS)?;
        let mut rng = fastrand::Rng::with_seed(1);
        let entries: Vec<(u32, u32)> = (0..KEYS)
            .map(|index| {
                // Ports with rules: those without are decided at once.
                let port = port(rng.u16(..intervals / 2));
                (index, u32::from(protocol::TCP) << 16 | u32::from(port))
            })
            .collect();
        keys.set_all(&entries)?;
        Ok(Self {
            driver: driver(&maps, &keys)?,
            maps,
            last: rules,
        })
    }

    /// Nanoseconds beyond those of a program that decides nothing.
    fn measure(&self, made: &Made) -> Result<(f64, Put)> {
        let placement = Placement::of([&made.class])?;
        let mut words = vec![0; placement.words()];
        // Behind the policy's subject, one selector for each rule.
        let mine = |selector: SelectorId| selector.index() == self.last + 1;
        for (bit, _) in placement.selectors().filter(|&(_, one)| mine(one)) {
            if let Some(word) = words.get_mut(bit / WORD_BITS) {
                *word |= 1 << (bit % WORD_BITS);
            }
        }
        let rows = WordRows::new("bench_rows", words.len(), &words)?;
        self.maps.put_nothing()?;
        let [nothing] = time([&self.driver], RUNS)?;
        let layout = &made.class.layout;
        let put = self.maps.put(&made.program, &rows, layout, &placement)?;
        let [decided] = time([&self.driver], RUNS)?;
        Ok((decided.beyond(nothing).fastest, put))
    }
}

fn driver(maps: &Maps, keys: &Map<u32, u32>) -> Result<LoadedProgram> {
    const CONTEXT: Register = Register::R6;
    const KEY: Register = Register::R7;
    let mut code = Code::default();
    code.copy(CONTEXT, Register::R1)
        .random_below(KEYS)
        .store(Width::U32, Register::R10, -4, Register::R0)
        .lookup(keys, -4)
        .give_up_if_null(Register::R0)
        .load(Width::U32, KEY, Register::R0, 0)
        .store_value(Register::R10, -4, 0)
        .lookup(&maps.input, -4)
        .give_up_if_null(Register::R0)
        .store(Width::U32, Register::R0, at(offset::L4), KEY)
        .store_value(Register::R0, at(offset::VERDICT), 0)
        .tail_call(CONTEXT, &maps.policies, 0);
    code.program("bench_driver")
}
