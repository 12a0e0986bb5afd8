//! Running the tests of a package with the reference interpreter.

pub(crate) mod coverage;
mod explain;

use std::net::IpAddr;

use ipnet::IpNet;
use polc_diagnostics::Diagnostic;
use polc_model::{
    Check, Direction, Entity, Expectation, L4Packet, Model, Party, PeerFacts, PeerKind, Test,
    Verdict, l4::NO_PORTS, selector::NO_LABELS,
};
use polc_reference::FlowDecision;

use crate::package::LoadedPackage;

/// What became of one check.
pub(crate) struct CheckResult<'a> {
    pub(crate) test: &'a Test,
    pub(crate) check: &'a Check,
    /// The decisions, at the addresses that decided whether the expectation holds.
    pub(crate) decision: FlowDecision,
    /// Why it fails; `None` when it passes.
    pub(crate) failure: Option<Diagnostic>,
}

/// Runs every check of a package.
pub(crate) fn verify(package: &LoadedPackage) -> Vec<CheckResult<'_>> {
    let model = &package.analysis.model;
    model
        .tests
        .iter()
        .flat_map(|test| test.checks.iter().map(move |check| (test, check)))
        .filter_map(|(test, check)| verify_check(package, model, test, check))
        .collect()
}

/// The two ends of a flow, at one pair of addresses.
struct Ends<'a> {
    source: polc_reference::Party<'a>,
    destination: polc_reference::Party<'a>,
}

impl<'a> Ends<'a> {
    /// The end whose policies decide in this direction, and the one that they see as the peer.
    const fn seen_from(
        &self,
        direction: Direction,
    ) -> (&polc_reference::Party<'a>, &polc_reference::Party<'a>) {
        match direction {
            Direction::Egress => (&self.source, &self.destination),
            Direction::Ingress => (&self.destination, &self.source),
        }
    }
}

fn verify_check<'a>(
    package: &LoadedPackage,
    model: &Model,
    test: &'a Test,
    check: &'a Check,
) -> Option<CheckResult<'a>> {
    let mut passed = None;
    for ends in ends(test, check) {
        let (source, destination) = (&ends.source, &ends.destination);
        let decision = match &check.request {
            None => polc_reference::judge_flow(model, source, destination, check.l4),
            Some(request) => {
                polc_reference::judge_request_flow(model, source, destination, check.l4, request)
            }
        };
        if holds(model, &decision, check.expected) {
            passed.get_or_insert(decision);
            continue;
        }
        return Some(CheckResult {
            test,
            check,
            decision,
            failure: Some(explain::failure(package, test, check, &ends, &decision)),
        });
    }
    Some(CheckResult {
        test,
        check,
        decision: passed?,
        failure: None,
    })
}

fn holds(model: &Model, decision: &FlowDecision, expected: Expectation) -> bool {
    let decided_by = |policy, verdict| {
        decision
            .decisions()
            .filter(|(_, decision)| decision.verdict == verdict)
            .any(|(_, decision)| explain::policy_of(model, decision.decider) == Some(policy))
    };
    match expected {
        Expectation::Allowed { by } => {
            decision.verdict() == Verdict::Allow
                && by.is_none_or(|policy| decided_by(policy, Verdict::Allow))
        }
        Expectation::Denied { by } => {
            decision.verdict() == Verdict::Deny
                && by.is_none_or(|policy| decided_by(policy, Verdict::Deny))
        }
    }
}

/// The ends at every pair of addresses between which such a packet can travel: an expectation holds
/// when it holds for each.
fn ends<'a>(test: &'a Test, check: &Check) -> Vec<Ends<'a>> {
    let mut all = Vec::new();
    for source in addresses(test, check.source) {
        for destination in addresses(test, check.destination) {
            if travels(check.l4, source, destination) {
                all.push(Ends {
                    source: party(test, check.source, source),
                    destination: party(test, check.destination, destination),
                });
            }
        }
    }
    all
}

/// The addresses of a party; one `None` where nothing is known of them.
fn addresses(test: &Test, party: Party) -> Vec<Option<IpAddr>> {
    let known: Vec<Option<IpAddr>> = match party {
        Party::Address(address) => vec![Some(address)],
        Party::Endpoint(index) => test
            .endpoints
            .get(index)
            .map(|endpoint| endpoint.addresses.iter().copied().map(Some).collect())
            .unwrap_or_default(),
        Party::Name(_) | Party::Host | Party::Entity(_) => Vec::new(),
    };
    if known.is_empty() { vec![None] } else { known }
}

fn travels(l4: L4Packet, source: Option<IpAddr>, destination: Option<IpAddr>) -> bool {
    let needed = match l4 {
        L4Packet::Icmp(family, ..) => Some(family == polc_model::IcmpFamily::V6),
        _ => None,
    };
    let families: Vec<bool> = [
        source.map(|address| address.is_ipv6()),
        destination.map(|address| address.is_ipv6()),
        needed,
    ]
    .into_iter()
    .flatten()
    .collect();
    families.windows(2).all(|pair| pair.first() == pair.last())
}

fn party<'a>(test: &'a Test, party: Party, address: Option<IpAddr>) -> polc_reference::Party<'a> {
    let network = address.map(IpNet::from);
    let endpoint = match party {
        Party::Endpoint(index) => test.endpoints.get(index),
        Party::Address(_) | Party::Name(_) | Party::Host | Party::Entity(_) => None,
    };
    match endpoint {
        Some(endpoint) => polc_reference::Party {
            name: &endpoint.name,
            facts: PeerFacts {
                kind: endpoint.phase.kind(),
                is_kube_apiserver: false,
                namespace: endpoint.namespace.as_deref(),
                labels: &endpoint.labels,
                namespace_labels: &endpoint.namespace_labels,
                names: &[],
                ports: &endpoint.ports,
                network,
            },
        },
        None => polc_reference::Party {
            name: "",
            facts: PeerFacts {
                kind: match party {
                    Party::Host => PeerKind::Host,
                    Party::Entity(entity) => kind_of(entity),
                    _ => PeerKind::World,
                },
                is_kube_apiserver: party == Party::Entity(Entity::KubeApiserver),
                namespace: None,
                labels: &NO_LABELS,
                namespace_labels: &NO_LABELS,
                names: match party {
                    Party::Name(index) => test.names.get(index).map_or(&[], std::slice::from_ref),
                    _ => &[],
                },
                ports: &NO_PORTS,
                network,
            },
        },
    }
}

/// What a party of which only the entity is known is. An API server is one outside.
fn kind_of(entity: Entity) -> PeerKind {
    PeerKind::ALL
        .into_iter()
        .find(|kind| entity.matches(*kind))
        .unwrap_or(PeerKind::World)
}
