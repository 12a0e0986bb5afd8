//! The reference interpreter, and the real datapath with real programs in the kernel, agree on
//! verdict and decider: random packages, random inventories, random packets, through
//! `BPF_PROG_TEST_RUN` of the hooks. Everything is on the way: parsing, anti-spoofing, flows,
//! addresses, prefixes, signatures, the generated program.

use std::path::Path;

use polc_abi::verdict::Verdict;
use polc_agent::pins::Pins;
use polc_codegen::Limits;
use polc_plan::{Choice, Strategy};
use polc_testgen::Case;

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
    let (mut compared, mut rejected) = (0, 0);
    for (choice, limits, seeds) in variants() {
        for seed in seeds {
            let mut case = Case::new(seed, &INTERFACES);
            kernel.put_in_force(&case, choice, limits);
            for _ in 0..PROBES {
                let probe = case.probe().unwrap();
                let expected = polc_equivalence::reference(&case, &probe).unwrap();
                let said = kernel.judge(&case, &probe);
                assert_eq!(
                    said, expected,
                    "seed {seed}, {choice:?}, {limits:?}: {probe:?}"
                );
                compared += 1;
                rejected += u32::from(said.verdict == Verdict::Reject);
            }
        }
    }
    println!("{compared} packets, {rejected} of them rejected: kernel and reference agree");
    assert!(compared >= 2_000 && rejected >= 50);
}
