//! The policies in force and what they did.

use std::collections::BTreeSet;

use polc_abi::{event::Counter, verdict::DeciderId};
use polc_model::{Action, Decider, Direction, Enforcement, PolicyId};
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;

/// A policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `file:line`.
    pub place: String,
    /// `admin`, `normal` or `baseline`.
    pub tier: String,
    /// Order inside the tier, lower first.
    pub priority: u32,
    /// Whether its verdicts count or are only reported.
    pub enforcement: Enforcement,
    /// Which directions it speaks about.
    pub directions: Vec<Direction>,
    /// The endpoints on this node that it applies to.
    pub endpoints: Vec<String>,
    /// Packets that it decided about, since it was put in force: each flow's first, each flow's
    /// first after a change, and all that it dropped.
    pub packets: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Those of the packets that it denied, or would have denied if it only reports.
    pub denied: u64,
}

/// The policies in force, in order of name. `judged` says how often each decider decided.
#[must_use]
pub fn collect(candidate: &Candidate, judged: &[(DeciderId, Counter)]) -> Vec<Policy> {
    let model = &candidate.meaning.model;
    let mut policies: Vec<Policy> = model
        .policies
        .iter()
        .map(|policy| Policy {
            name: policy.name.clone(),
            place: model.place(&policy.origin),
            tier: policy.tier.name().to_owned(),
            priority: policy.priority,
            enforcement: policy.enforcement,
            directions: Direction::BOTH
                .into_iter()
                .filter(|&direction| policy.covers(direction).is_some())
                .collect(),
            endpoints: Vec::new(),
            packets: 0,
            bytes: 0,
            denied: 0,
        })
        .collect();
    add_endpoints(candidate, &mut policies);
    for (decider, counter) in judged {
        let (id, denies) = match candidate.meaning.deciders.decider(*decider) {
            Some(Decider::Isolation(policy)) => (policy, true),
            Some(Decider::Rule(rule)) => match model.rule(rule) {
                Some(rule) => (
                    rule.policy,
                    matches!(rule.action, Action::Deny | Action::Reject),
                ),
                None => continue,
            },
            _ => continue,
        };
        if let Some(policy) = policies.get_mut(id.index()) {
            policy.packets += counter.packets;
            policy.bytes += counter.bytes;
            policy.denied += if denies { counter.packets } else { 0 };
        }
    }
    policies
}

/// Names each endpoint at the policies of its classes.
fn add_endpoints(candidate: &Candidate, policies: &mut [Policy]) {
    for endpoint in &candidate.tables.endpoints {
        let of_class = |slot: u32| {
            let class = candidate.tables.classes.get(slot as usize);
            class.map_or(&[][..], |class| &class.key.policies)
        };
        let both = [endpoint.ingress_slot, endpoint.egress_slot].map(of_class);
        let its: BTreeSet<PolicyId> = both.into_iter().flatten().copied().collect();
        for id in its {
            if let Some(policy) = policies.get_mut(id.index()) {
                policy.endpoints.push(endpoint.name.clone());
            }
        }
    }
}
