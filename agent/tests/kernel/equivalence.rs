//! The reference interpreter, and the real datapath with real programs in the kernel, agree on
//! verdict and decider: random packages, random inventories, random packets, through
//! `BPF_PROG_TEST_RUN` of the hooks. Everything is on the way: parsing, anti-spoofing, flows,
//! addresses, prefixes, signatures, the generated program.

use std::{
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use polc_abi::verdict::Verdict;
use polc_agent::pins::Pins;
use polc_codegen::Limits;
use polc_plan::{Choice, Strategy};
use polc_testgen::{Case, Subject};

use crate::probing::Kernel;

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];
const PROBES: usize = 10;

#[test]
fn the_kernel_does_what_the_reference_says() {
    super::on_a_node("equivalence", &INTERFACES, compare);
}

/// Strategies that are forced on top of what the cost model chooses, and programs in parts.
fn variants() -> Vec<(Choice, Limits, std::ops::Range<u64>)> {
    let whole = Limits::default();
    let parts = Limits {
        instructions: 80,
        parts: 1_000,
    };
    let forced = Strategy::ALL.map(|strategy| (Choice::Always(strategy), whole, 0..40));
    [
        (Choice::Cheapest, whole, 0..150),
        (forced[0].0, parts, 0..40),
    ]
    .into_iter()
    .chain(forced.clone())
    .collect()
}

fn compare(bpffs: &Path) {
    let mut kernel = Kernel::new(Pins::new(bpffs, "equivalence"));
    let mut seen = Seen::default();
    for (choice, limits, seeds) in variants() {
        for seed in seeds {
            kernel.compare(seed, choice, limits, &mut seen);
        }
    }
    assert!(
        seen.compared >= 4_000 && seen.rejected >= 50 && seen.of_node >= 50,
        "{seen:?}"
    );
    assert!(seen.loaded * 2 < seen.programs, "{seen:?}");
    go_on(&mut kernel, &mut seen);
    println!(
        "{} packets, {} of them rejected: kernel and reference agree",
        seen.compared, seen.rejected
    );
}

/// Goes on with other packages, for as long as `cargo xtask fuzz equivalence` says.
fn go_on(kernel: &mut Kernel, seen: &mut Seen) {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let Some(minutes) = number("POLC_EQUIVALENCE_MINUTES") else {
        return;
    };
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let somewhere = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
            << 20
    };
    let first = number("POLC_EQUIVALENCE_SEED").unwrap_or_else(somewhere);
    for (seed, (choice, limits, _)) in (first..).zip(variants().into_iter().cycle()) {
        if Instant::now() >= until {
            break;
        }
        kernel.compare(seed, choice, limits, seen);
    }
}

/// How much was compared.
#[derive(Debug, Default)]
struct Seen {
    compared: u64,
    rejected: u64,
    /// Asked of the node itself, at an uplink.
    of_node: u64,
    /// Classes after a small change, and how many of them were loaded for it.
    programs: usize,
    loaded: usize,
}

impl Kernel {
    /// Puts a random package in force and asks about packets; then once more without one of its rules
    /// and one of its peers, with the programs that this leaves as they are.
    fn compare(&mut self, seed: u64, choice: Choice, limits: Limits, seen: &mut Seen) {
        let mut case = Case::new(seed, &INTERFACES);
        self.put_in_force(&case, choice, limits);
        self.ask(&mut case, choice, limits, seen);
        let changed_rule = usize::try_from(seed).unwrap() % case.model.rules.len().max(1);
        let mut changed = case.without_rule(changed_rule);
        let endpoints = &mut changed.inventory.endpoints;
        let remote = endpoints.iter().position(|one| one.interface.is_none());
        remote.map(|remote| endpoints.remove(remote));
        let applied = self.put_in_force(&changed, choice, limits);
        seen.programs += applied.programs.len();
        seen.loaded += applied.loaded;
        self.ask(&mut changed, choice, limits, seen);
    }

    fn ask(&mut self, case: &mut Case, choice: Choice, limits: Limits, seen: &mut Seen) {
        let seed = case.seed;
        for _ in 0..PROBES {
            let probe = case.probe_of_any().unwrap();
            let expected = polc_equivalence::reference(case, &probe).unwrap();
            let Some(said) = self.judge(case, &probe) else {
                continue;
            };
            assert_eq!(
                said, expected,
                "seed {seed}, {choice:?}, {limits:?}: {probe:?}"
            );
            seen.compared += 1;
            seen.of_node += u64::from(probe.subject == Subject::Node);
            seen.rejected += u64::from(said.verdict == Verdict::Reject);
        }
    }
}
