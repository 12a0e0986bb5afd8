//! The **reference interpreter**: what a policy means, slowly and plainly.
//!
//! It is written from `semantics.md` alone and shares no code with the compiler beyond the
//! Model's data types: not even the evaluation of selectors. Tests compare everything that is
//! fast with it. `polc test` runs on it, because it can say why.

mod matching;
mod requests;

pub use requests::{judge_request, judge_request_flow, matches_request};

use polc_model::{
    Action, Decider, Decision, Direction, Enforcement, HostAccess, Isolation, L4Packet, Model,
    PeerFacts, PeerKind, Rule, RuleId, Tier, Verdict,
};

/// One end of a flow.
#[derive(Clone, Debug)]
pub struct Party<'a> {
    /// Names the endpoint: two parties with the same kind, namespace and name are one.
    pub name: &'a str,
    /// What selectors see of it.
    pub facts: PeerFacts<'a>,
}

/// What both directions say. `None` where that end is not an endpoint of ours, or its policies are not
/// asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowDecision {
    /// Egress at the source endpoint.
    pub egress: Option<Decision>,
    /// Ingress at the destination endpoint.
    pub ingress: Option<Decision>,
}

impl FlowDecision {
    /// A packet passes only if both directions allow it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.denial().is_some() {
            Verdict::Deny
        } else {
            Verdict::Allow
        }
    }

    /// The decision that drops the packet: egress is asked first.
    #[must_use]
    pub fn denial(&self) -> Option<(Direction, Decision)> {
        self.decisions()
            .find(|(_, decision)| decision.verdict == Verdict::Deny)
    }

    /// The decisions that were made, egress first.
    pub fn decisions(&self) -> impl Iterator<Item = (Direction, Decision)> {
        let egress = self.egress.map(|decision| (Direction::Egress, decision));
        let ingress = self.ingress.map(|decision| (Direction::Ingress, decision));
        egress.into_iter().chain(ingress)
    }
}

/// Judges the first packet of a flow at both ends.
#[must_use]
pub fn judge_flow(
    model: &Model,
    source: &Party<'_>,
    destination: &Party<'_>,
    l4: L4Packet,
) -> FlowDecision {
    let at = |direction, subject: &Party<'_>, peer: &Party<'_>| {
        is_asked(model, direction, subject, peer)
            .then(|| judge(model, direction, subject, peer, l4))
    };
    FlowDecision {
        egress: at(Direction::Egress, source, destination),
        ingress: at(Direction::Ingress, destination, source),
    }
}

/// Judges the first packet of a flow at one endpoint, in one direction.
#[must_use]
pub fn judge(
    model: &Model,
    direction: Direction,
    subject: &Party<'_>,
    peer: &Party<'_>,
    l4: L4Packet,
) -> Decision {
    // "Always allowed, before the tiers."
    if is_same(subject, peer) {
        return allow(Decider::Itself);
    }
    let from_own_node = direction == Direction::Ingress && peer.facts.kind == PeerKind::Host;
    if from_own_node && model.host_access == HostAccess::Allowed {
        return allow(Decider::OwnNode);
    }

    // Step 1: the rules that speak about this packet.
    let matching: Vec<RuleId> = consider(model, direction, subject, peer, l4)
        .into_iter()
        .filter(|considered| considered.outcome == Outcome::Matches)
        .map(|considered| considered.rule)
        .collect();

    // Steps 2 to 4: tiers in order.
    for tier in Tier::ALL {
        let passed = match first_decision(model, tier, &matching) {
            Some(TierDecision::Final(decision)) => return decision,
            Some(TierDecision::Passed) => true,
            None => false,
        };
        if tier == Tier::Normal
            && !passed
            && let Some(decider) = isolation(model, direction, subject)
        {
            return Decision {
                verdict: Verdict::Deny,
                decider,
            };
        }
    }
    allow(Decider::NoPolicy)
}

/// The decision that would have denied a packet that [`judge`] allows, were the audited policies
/// enforced. `None` where the packet is denied, or would pass all the same.
#[must_use]
pub fn audit(
    model: &Model,
    direction: Direction,
    subject: &Party<'_>,
    peer: &Party<'_>,
    l4: L4Packet,
) -> Option<Decision> {
    if judge(model, direction, subject, peer, l4).verdict == Verdict::Deny {
        return None;
    }
    let mut enforced = model.clone();
    for policy in &mut enforced.policies {
        policy.enforcement = Enforcement::Enforce;
    }
    let decision = judge(&enforced, direction, subject, peer, l4);
    (decision.verdict == Verdict::Deny).then_some(decision)
}

/// What became of one rule when a packet was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The rule.
    pub rule: RuleId,
    /// Whether it speaks about the packet, or the first thing that does not fit.
    pub outcome: Outcome,
}

/// Whether a rule speaks about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Matches,
    /// The policy does not select the endpoint.
    OtherSubject,
    /// The rule does not select the peer.
    OtherPeer,
    /// The rule is about other protocols or ports.
    OtherL4,
}

/// Says for each enforced rule of the direction whether it speaks about the packet, in the order
/// in which they are asked: tier, priority, deny before allow before pass, id.
#[must_use]
pub fn consider(
    model: &Model,
    direction: Direction,
    subject: &Party<'_>,
    peer: &Party<'_>,
    l4: L4Packet,
) -> Vec<Considered> {
    let receiver = match direction {
        Direction::Ingress => &subject.facts,
        Direction::Egress => &peer.facts,
    };
    let mut rules: Vec<(Precedence, Considered)> = Vec::new();
    for (id, rule) in model.rules_with_ids() {
        let Some(policy) = model.policy(rule.policy) else {
            continue;
        };
        if rule.direction != direction || policy.enforcement == Enforcement::Audit {
            continue;
        }
        let outcome = if !matching::is_subject(model, policy.subject, &subject.facts) {
            Outcome::OtherSubject
        } else if !matching::selects(model, rule.peer, &peer.facts) {
            Outcome::OtherPeer
        } else if !matching::l4_matches(&rule.l4, l4, receiver) {
            Outcome::OtherL4
        } else {
            Outcome::Matches
        };
        let precedence = (policy.tier, policy.priority, rank(rule.action), id);
        rules.push((precedence, Considered { rule: id, outcome }));
    }
    rules.sort_by_key(|(precedence, _)| *precedence);
    rules
        .into_iter()
        .map(|(_, considered)| considered)
        .collect()
}

type Precedence = (Tier, u32, u8, RuleId);

/// "Deny beats allow; allow beats pass."
const fn rank(action: Action) -> u8 {
    match action {
        // `reject` is `deny` that answers.
        Action::Deny | Action::Reject => 0,
        Action::Allow => 1,
        Action::Pass => 2,
    }
}

enum TierDecision {
    Final(Decision),
    Passed,
}

/// "In a tier, lower priority number first." `matching` is in the order of [`consider`].
fn first_decision(model: &Model, tier: Tier, matching: &[RuleId]) -> Option<TierDecision> {
    let in_tier = |rule: &Rule| {
        model
            .policy(rule.policy)
            .is_some_and(|policy| policy.tier == tier)
    };
    let (id, rule) = matching.iter().find_map(|&id| {
        model
            .rule(id)
            .filter(|rule| in_tier(rule))
            .map(|rule| (id, rule))
    })?;
    let decided = |verdict| {
        TierDecision::Final(Decision {
            verdict,
            decider: Decider::Rule(id),
        })
    };
    Some(match rule.action {
        Action::Deny | Action::Reject => decided(Verdict::Deny),
        Action::Allow => decided(Verdict::Allow),
        Action::Pass => TierDecision::Passed,
    })
}

/// "An endpoint is isolated in a direction when a policy of the `normal` tier that selects it
/// covers that direction and does not say `default allow`."
///
/// "An endpoint in `init` is isolated in both directions."
fn isolation(model: &Model, direction: Direction, subject: &Party<'_>) -> Option<Decider> {
    let by_policy = model
        .policies_with_ids()
        .find(|(_, policy)| {
            policy.tier == Tier::Normal
                && policy.enforcement == Enforcement::Enforce
                && policy.covers(direction) == Some(Isolation::Isolates)
                && matching::is_subject(model, policy.subject, &subject.facts)
        })
        .map(|(id, _)| Decider::Isolation(id));
    let in_init = (subject.facts.kind == PeerKind::Init).then_some(Decider::Init);
    by_policy.or(in_init)
}

/// Whether a party's policies are asked about a packet to or from another. Not the node's where it
/// reaches its own endpoints: that is always allowed, unless the package restricts it.
pub(crate) fn is_asked(
    model: &Model,
    direction: Direction,
    subject: &Party<'_>,
    peer: &Party<'_>,
) -> bool {
    let from_own_node = direction == Direction::Egress
        && subject.facts.kind == PeerKind::Host
        && matches!(peer.facts.kind, PeerKind::Endpoint | PeerKind::Init);
    is_ours(subject) && !(from_own_node && model.host_access == HostAccess::Allowed)
}

/// Whether a party is an endpoint of ours, in `init` or not, or the node, which is an endpoint, too.
fn is_ours(party: &Party<'_>) -> bool {
    matches!(
        party.facts.kind,
        PeerKind::Endpoint | PeerKind::Init | PeerKind::Host
    )
}

fn is_same(one: &Party<'_>, other: &Party<'_>) -> bool {
    let is_node = |party: &Party<'_>| party.facts.kind == PeerKind::Host;
    is_ours(one)
        && is_ours(other)
        && is_node(one) == is_node(other)
        && one.facts.namespace == other.facts.namespace
        && one.name == other.name
}

const fn allow(decider: Decider) -> Decision {
    Decision {
        verdict: Verdict::Allow,
        decider,
    }
}

#[cfg(test)]
mod tests;
