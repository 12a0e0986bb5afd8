//! Changes that must not change what happens to any packet: the order of policies and of rules.

use polc_abi::verdict::Verdict;
use polc_equivalence::{Fault, Node, Options, reference};
use polc_model::{Model, PolicyId};
use polc_plan::{Choice, Strategy};
use polc_testgen::Case;

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];

/// The same package with its policies the other way round, as if they had other names, and with the
/// rules of each the other way round.
fn reversed(model: &Model) -> Model {
    let mut reversed = model.clone();
    let last = model.policies.len().saturating_sub(1);
    reversed.policies.reverse();
    for (position, policy) in reversed.policies.iter_mut().enumerate() {
        policy.name = format!("renamed_{position:02}");
    }
    reversed.rules.reverse();
    for rule in &mut reversed.rules {
        rule.policy = PolicyId::new(last - rule.policy.index());
    }
    reversed
}

#[test]
fn the_order_of_policies_and_rules_decides_nothing() {
    let mut compared = 0;
    for seed in 0..200 {
        let mut case = Case::new(seed, &INTERFACES);
        let mut other = case.clone();
        other.model = reversed(&case.model);
        assert_eq!(
            polc_model::validate::validate(&other.model),
            Ok(()),
            "seed {seed}"
        );
        for strategy in [Strategy::ALL[0], Strategy::ALL[3]] {
            let options = Options {
                choice: Choice::Always(strategy),
                ..Options::default()
            };
            let mut node = Node::new(&other, options, &Fault::None).unwrap();
            for _ in 0..10 {
                let probe = case.probe().unwrap();
                let before = reference(&case, &probe).unwrap();
                let after = node.bytecode(&other, &probe).unwrap();
                // Of several rules that drop a packet, the first one may be one that answers.
                let passes = |verdict| verdict == Verdict::Allow;
                assert_eq!(
                    passes(before.verdict),
                    passes(after.verdict),
                    "seed {seed}: {probe:?}\n{before:?}\n{after:?}"
                );
                assert_eq!(
                    before.audit.is_some(),
                    after.audit.is_some(),
                    "seed {seed}: {probe:?}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 4_000);
}
