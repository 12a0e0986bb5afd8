//! The generator of packages and packets reaches what it is there to reach.

use polc_abi::verdict::DeciderId;
use polc_model::{Decider, Verdict};
use polc_plan::intervals::{key_of, sure_ranges_of};
use polc_testgen::Case;

#[test]
fn random_cases_reach_blocks_of_every_width() {
    let mut widths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let plan = polc_plan::plan(&Case::new(seed, &[]).model, []).unwrap();
        let blocks = plan.classes.iter().flat_map(|class| &class.layout.blocks);
        widths.extend(blocks.map(|block| block.bytes().min(16)));
    }
    let widths: Vec<_> = widths.into_iter().collect();
    assert_eq!(widths, [1, 2, 4, 8, 16], "bytes, of which 16 are many");
}

#[test]
fn random_cases_reach_every_kind_of_decision() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let mut case = Case::new(seed, &["veth-a", "veth-b"]);
        let deciders = polc_plan::Deciders::of(&case.model);
        for _ in 0..20 {
            let probe = case.probe().unwrap();
            let decision = case.reference(&probe).unwrap();
            let kind = deciders.id(decision.decider).0 & !DeciderId::MAX_INDEX;
            seen.insert((
                kind,
                decision.verdict,
                probe.direction,
                probe.local.is_ipv4(),
            ));
        }
    }
    // No policy, isolation, `init`, and rules that allow and deny, each in both directions and
    // families; itself and the own node share a kind, which denies only for `init`.
    assert_eq!(seen.len(), 6 * 4, "{seen:?}");
}

#[test]
fn named_ports_decide_often_enough() {
    let (mut decided, mut in_upper_half) = ([0; 2], 0);
    for seed in 0..1_000 {
        let mut case = Case::new(seed, &["veth-a", "veth-b"]);
        let plan = polc_plan::plan(&case.model, []).unwrap();
        let names = plan.classes.iter().flat_map(|class| &class.layout.names);
        let names: std::collections::BTreeSet<_> = names.collect();
        for _ in 0..20 {
            let probe = case.probe().unwrap();
            let Decider::Rule(rule) = case.reference(&probe).unwrap().decider else {
                continue;
            };
            let key = key_of(probe.l4).0;
            let l4 = &case.model.rule(rule).unwrap().l4;
            let by_number = sure_ranges_of(l4)
                .iter()
                .any(|range| range.first <= key && key <= range.last);
            if by_number {
                continue;
            }
            decided[probe.direction as usize] += 1;
            in_upper_half += usize::from(names.len() > 32);
        }
    }
    assert!(
        decided.iter().all(|&count| count > 50) && in_upper_half > 20,
        "only {decided:?} packets are decided by a named port, {in_upper_half} in large packages"
    );
}

#[test]
fn random_cases_reach_audits_that_would_drop() {
    let mut audited = 0;
    for seed in 0..200 {
        let mut case = Case::new(seed, &["veth-a", "veth-b"]);
        for _ in 0..20 {
            let probe = case.probe().unwrap();
            let decision = case.reference(&probe).unwrap();
            let audit = case.reference_audit(&probe);
            assert!(decision.verdict == Verdict::Allow || audit.is_none());
            audited += usize::from(audit.is_some());
        }
    }
    assert!(audited > 50, "only {audited} packets would be dropped");
}
