//! The generator of packages and packets reaches what it is there to reach.

use polc_abi::verdict::DeciderId;
use polc_model::Verdict;
use polc_testgen::Case;

#[test]
fn random_cases_reach_every_word_of_a_signature() {
    let blocks = (0..50).map(|seed| {
        polc_plan::Layout::of(&Case::new(seed, &[]).model)
            .blocks
            .len()
    });
    assert!(blocks.max() >= Some(2), "no package needs a second block");
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
