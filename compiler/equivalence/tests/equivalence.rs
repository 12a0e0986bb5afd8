//! Random packages and packets: the reference interpreter, the plan and the bytecode agree,
//! whatever strategy is chosen and however programs are split.

use polc_codegen::Limits;
use polc_equivalence::{Options, compare};
use polc_plan::{Choice, Strategy};
use polc_testgen::Case;

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];
const PACKETS: usize = 12;

fn agree(seeds: std::ops::Range<u64>, options: Options) {
    for seed in seeds {
        let found = compare(Case::new(seed, &INTERFACES), PACKETS, options);
        assert!(
            found.is_ok(),
            "{}",
            found
                .err()
                .map(|found| found.to_string())
                .unwrap_or_default()
        );
    }
}

#[test]
fn every_form_means_the_same() {
    agree(0..1_000, Options::default());
}

#[test]
fn every_strategy_means_the_same() {
    for strategy in Strategy::ALL {
        let choice = Choice::Always(strategy);
        agree(
            0..250,
            Options {
                choice,
                ..Options::default()
            },
        );
    }
}

#[test]
fn programs_in_parts_mean_the_same() {
    let limits = Limits {
        instructions: 80,
        parts: 1_000,
    };
    let choice = Choice::Always(Strategy::ALL[0]);
    agree(0..300, Options { choice, limits });
}
