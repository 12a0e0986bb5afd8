//! The reference interpreter over the Model, and the Plan over a node's signatures, agree.

use polc_abi::{node::peer_flag, verdict::DeciderId};
use polc_model::{Decider, Decision, Direction, Verdict};
use polc_plan::intervals;
use polc_testgen::{Case, Probe};

use crate::{NodeTables, address_bytes};

/// Decides a packet as the datapath does: built-in verdicts, peer, signature, plan.
fn decide(case: &Case, tables: &NodeTables, probe: &Probe) -> Option<Decision> {
    let allow = |decider| {
        Some(Decision {
            verdict: Verdict::Allow,
            decider,
        })
    };
    let inventory = &case.inventory.endpoints[probe.endpoint];
    let local = tables
        .endpoints
        .iter()
        .find(|one| one.name == inventory.full_name())?;
    let remote = address_bytes(probe.remote);
    if local.addresses.contains(&remote) {
        return allow(Decider::Itself);
    }
    let peer = tables.peer(probe.remote)?;
    if probe.direction == Direction::Ingress && peer.flags & peer_flag::HOST_ACCESS != 0 {
        return allow(Decider::OwnNode);
    }
    let slot = match probe.direction {
        Direction::Ingress => local.ingress_slot,
        Direction::Egress => local.egress_slot,
    };
    let bits = polc_plan::Layout::of(&case.model).bits();
    tables.classes[slot as usize].decide(intervals::key_of(probe.l4), |selector| {
        let bit = bits[&selector];
        let word = tables.word_of_block(bit.block).unwrap();
        tables.rows[peer.row as usize][word] >> bit.bit & 1 == 1
    })
}

#[test]
fn the_plan_means_what_the_reference_says() {
    for seed in 0..2_000 {
        let mut case = Case::new(seed, &["veth-a", "veth-b", "veth-c"]);
        let plan = polc_plan::plan(&case.model, []).unwrap();
        let tables = NodeTables::compute(&case.model, &plan, &case.inventory).unwrap();
        for _ in 0..20 {
            let probe = case.probe().unwrap();
            let expected = case.reference(&probe);
            let actual = decide(&case, &tables, &probe);
            assert_eq!(
                actual, expected,
                "seed {seed}: {probe:?}\n{:#?}",
                case.model
            );
        }
    }
}

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
        for _ in 0..20 {
            let probe = case.probe().unwrap();
            let decision = case.reference(&probe).unwrap();
            let kind = polc_plan::decider_id(decision.decider).0 & !DeciderId::MAX_INDEX;
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
