//! Explanations say what the reference interpreter says.

use polc_model::{Decider, L4Packet};
use polc_testgen::{Case, Probe};

use super::*;
use crate::inspect::{
    explain::question::{Layer4, Question},
    party,
};

const INTERFACES: [&str; 3] = ["a", "b", "c"];

/// The side of a packet that its endpoint judges, explained.
fn explained(case: &Case, probe: &Probe) -> Side {
    let question = |from, to| Question {
        from: crate::flows::filter::Who::Block(from),
        to: crate::flows::filter::Who::Block(to),
        layer4: match probe.l4 {
            L4Packet::Port(protocol, port) => Layer4::Port(protocol, port),
            L4Packet::Icmp(_, kind, code) => Layer4::Icmp(kind, code),
            L4Packet::Protocol(number) => Layer4::Protocol(number),
        },
    };
    let (subject, peer, _) = question(probe.local.into(), probe.remote.into())
        .resolve(&case.inventory)
        .unwrap();
    Side::of(&case.model, probe.direction, &subject, &peer, probe.l4)
}

/// Which rule a decider is, by its place among the rules.
fn place(model: &Model, decider: Decider) -> DecidedBy {
    DecidedBy::of(model, decider)
}

#[test]
fn explanations_agree_with_the_reference() {
    let (mut compared, mut by_rule, mut audited) = (0, 0, 0);
    for seed in 0..400 {
        let mut case = Case::new(seed, &INTERFACES);
        for _ in 0..20 {
            let Some(probe) = case.probe() else { break };
            let side = explained(&case, &probe);
            let decision = case.reference(&probe).unwrap();
            let context = format!("seed {seed}: {probe:?}: {side:#?}");
            let expected = verdict_name(&case.model, decision);
            assert_eq!(side.verdict, expected, "{context}");
            assert_eq!(
                side.decider,
                place(&case.model, decision.decider),
                "{context}"
            );
            let audit = case.reference_audit(&probe);
            let audit = audit.map(|decision| place(&case.model, decision.decider));
            assert_eq!(side.audit, audit, "{context}");

            // Exactly the rule that decided is said to have decided, and each that is said to
            // match does.
            let deciding = side
                .rules
                .iter()
                .filter(|one| one.outcome == Outcome::Decides);
            let is_rule = matches!(decision.decider, Decider::Rule(_));
            assert_eq!(deciding.count(), usize::from(is_rule), "{context}");
            compared += 1;
            by_rule += usize::from(is_rule);
            audited += usize::from(side.audit.is_some());
        }
    }
    assert!(
        compared > 4_000 && by_rule > 500 && audited > 20,
        "{compared} {by_rule} {audited}"
    );
}

#[test]
fn each_rule_is_considered_as_the_reference_considers_it() {
    let mut compared = 0;
    for seed in 400..600 {
        let mut case = Case::new(seed, &INTERFACES);
        for _ in 0..10 {
            let Some(probe) = case.probe() else { break };
            let side = explained(&case, &probe);
            let endpoint = &case.inventory.endpoints[probe.endpoint];
            let subject = polc_reference::Party {
                name: &endpoint.name,
                facts: case.inventory.facts(endpoint, Some(probe.local)),
            };
            let peer = case.peer(probe.remote);
            let expected: Vec<(String, bool)> =
                polc_reference::consider(&case.model, probe.direction, &subject, &peer, probe.l4)
                    .into_iter()
                    .filter(|one| one.outcome != polc_reference::Outcome::OtherSubject)
                    .map(|one| {
                        let rule = case.model.rule(one.rule).unwrap();
                        let matches = one.outcome == polc_reference::Outcome::Matches;
                        (case.model.place(&rule.origin), matches)
                    })
                    .collect();
            let enforced = |one: &&Considered| one.enforcement == Enforcement::Enforce;
            let said: Vec<(String, bool)> = side
                .rules
                .iter()
                .filter(enforced)
                .map(|one| (one.place.clone(), one.peer_matches && one.port_matches))
                .collect();
            assert_eq!(said, expected, "seed {seed}: {probe:?}");
            compared += said.len();
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn everybody_of_an_inventory_can_be_asked_about() {
    let case = Case::new(7, &INTERFACES);
    for party in party::all(&case.inventory) {
        for (address, facts) in &party.at {
            assert_eq!(case.peer(*address).facts.kind, facts.kind, "{address}");
        }
    }
}
