//! What one end's policies say about a packet, rule by rule.

use polc_model::{
    Action, Decider, Decision, Direction, Enforcement, HostAccess, Isolation, L4Match, L4Packet,
    L4Term, Model, NamedPorts, PeerFacts, PeerKind, Phase, Policy, Rule, RuleId, Tier, Verdict,
};
use polc_plan::ClassKey;
use serde::{Deserialize, Serialize};

use super::question::End;
use crate::{flows::record::DecidedBy, inspect::endpoints::Class};

/// What one end's policies say about a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// `egress` at the sender, `ingress` at the receiver.
    pub direction: Direction,
    /// The endpoint whose policies are asked.
    pub endpoint: String,
    /// Whether it is on this node. Policies of an endpoint elsewhere are asked there; what is said
    /// here holds if the same bundle is in force there.
    pub is_here: bool,
    /// Its policies in this direction.
    pub class: Class,
    /// `allowed`, `denied` or `rejected`.
    pub verdict: String,
    /// Who decided.
    pub decider: DecidedBy,
    /// Who would have denied what is allowed, were the audited policies enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<DecidedBy>,
    /// The rules of its policies in the order in which they are asked: tier, priority, deny before
    /// allow before pass, place.
    pub rules: Vec<Considered>,
}

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// Its policy.
    pub policy: String,
    /// `file:line`.
    pub place: String,
    /// The line's text.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// The policy's tier.
    pub tier: Tier,
    /// The policy's order inside the tier, lower first.
    pub priority: u32,
    /// Whether the policy's verdicts count.
    pub enforcement: Enforcement,
    /// Whether it selects the peer.
    pub peer_matches: bool,
    /// Whether it is about the protocol and port.
    pub port_matches: bool,
    /// What that came to.
    pub outcome: Outcome,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It decided.
    Decides,
    /// It left the packet to the next tier.
    Passes,
    /// It matches, and another rule was asked before it.
    Behind,
    /// It matches, and its policy only reports.
    Audited,
    /// It does not match.
    Differs,
}

/// A rule with what decides about it.
struct Asked<'a> {
    id: RuleId,
    rule: &'a Rule,
    policy: &'a Policy,
    peer_matches: bool,
    port_matches: bool,
}

impl Asked<'_> {
    const fn matches(&self) -> bool {
        self.peer_matches && self.port_matches
    }
}

impl Side {
    /// What the policies of `subject` say about a packet from or to `peer`.
    #[must_use]
    pub fn of(
        model: &Model,
        direction: Direction,
        subject: &End<'_>,
        peer: &End<'_>,
        packet: L4Packet,
    ) -> Self {
        // As the node's tables have it: an endpoint is of one class, whatever its address.
        let itself = PeerFacts {
            network: None,
            is_kube_apiserver: false,
            ..subject.facts.clone()
        };
        let key = ClassKey::of(model, direction, &itself);
        let receiver = match direction {
            Direction::Ingress => &subject.facts,
            Direction::Egress => &peer.facts,
        };
        let rules = rules(model, &key, &peer.facts, packet, receiver.ports);
        let judge = |scope| {
            built_in(model, direction, subject, peer)
                .unwrap_or_else(|| decide(model, &key, &rules, scope))
        };
        let decision = judge(Scope::Enforced);
        let would_be = judge(Scope::WithAudited);
        let audit = (decision.verdict == Verdict::Allow && would_be.verdict == Verdict::Deny)
            .then(|| DecidedBy::of(model, would_be.decider));
        Self {
            direction,
            endpoint: subject.name.clone(),
            is_here: subject.is_here || subject.facts.kind == PeerKind::Host,
            class: Class::of(model, &key),
            verdict: verdict_name(model, decision).to_owned(),
            decider: DecidedBy::of(model, decision.decider),
            audit,
            rules: considered(model, &rules, decision),
        }
    }
}

/// Which policies count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Enforced,
    WithAudited,
}

impl Scope {
    fn holds(self, policy: &Policy) -> bool {
        self == Self::WithAudited || policy.enforcement == Enforcement::Enforce
    }
}

/// What is allowed before any policy is asked.
fn built_in(
    model: &Model,
    direction: Direction,
    subject: &End<'_>,
    peer: &End<'_>,
) -> Option<Decision> {
    let is_itself = peer.facts.kind.is_managed() && subject.name == peer.name;
    let from_own_node = direction == Direction::Ingress
        && peer.facts.kind == PeerKind::Host
        && model.host_access == HostAccess::Allowed;
    let decider = if is_itself {
        Decider::Itself
    } else if from_own_node {
        Decider::OwnNode
    } else {
        return None;
    };
    Some(allow(decider))
}

/// The rules of a class's policies, in the order in which they are asked.
fn rules<'a>(
    model: &'a Model,
    key: &ClassKey,
    peer: &PeerFacts<'_>,
    packet: L4Packet,
    receiver_ports: &NamedPorts,
) -> Vec<Asked<'a>> {
    let mut rules: Vec<Asked<'a>> = model
        .rules_with_ids()
        .filter(|(_, rule)| rule.direction == key.direction && key.policies.contains(&rule.policy))
        .filter_map(|(id, rule)| {
            let selector = model.selector(rule.peer)?;
            Some(Asked {
                id,
                rule,
                policy: model.policy(rule.policy)?,
                peer_matches: selector.expr.matches(peer),
                port_matches: l4_matches(&rule.l4, packet, receiver_ports),
            })
        })
        .collect();
    rules.sort_by_key(|asked| {
        let rank = asked.rule.action.rank();
        (asked.policy.tier, asked.policy.priority, rank, asked.id)
    });
    rules
}

/// "In a tier, lower priority number first", tier by tier; isolation after the normal one.
fn decide(model: &Model, key: &ClassKey, rules: &[Asked<'_>], scope: Scope) -> Decision {
    for tier in Tier::ALL {
        let first = rules
            .iter()
            .find(|one| one.policy.tier == tier && one.matches() && scope.holds(one.policy));
        let verdict = match first.map(|one| one.rule.action) {
            Some(Action::Deny | Action::Reject) => Some(Verdict::Deny),
            Some(Action::Allow) => Some(Verdict::Allow),
            Some(Action::Pass) | None => None,
        };
        if let (Some(verdict), Some(first)) = (verdict, first) {
            return Decision {
                verdict,
                decider: Decider::Rule(first.id),
            };
        }
        if tier == Tier::Normal
            && first.is_none()
            && let Some(decider) = isolation(model, key, scope)
        {
            return Decision {
                verdict: Verdict::Deny,
                decider,
            };
        }
    }
    allow(Decider::NoPolicy)
}

fn isolation(model: &Model, key: &ClassKey, scope: Scope) -> Option<Decider> {
    let isolates = |policy: &Policy| {
        policy.tier == Tier::Normal
            && policy.covers(key.direction) == Some(Isolation::Isolates)
            && scope.holds(policy)
    };
    let mut policies = key.policies.iter().copied();
    policies
        .find(|&id| model.policy(id).is_some_and(isolates))
        .map(Decider::Isolation)
        .or((key.phase == Phase::Init).then_some(Decider::Init))
}

const fn allow(decider: Decider) -> Decision {
    Decision {
        verdict: Verdict::Allow,
        decider,
    }
}

fn verdict_name(model: &Model, decision: Decision) -> &'static str {
    use polc_abi::verdict::Verdict;
    match polc_plan::raw_verdict(model, decision) {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
        Verdict::Reject => "rejected",
    }
}

/// What became of each rule, given who decided.
fn considered(model: &Model, rules: &[Asked<'_>], decision: Decision) -> Vec<Considered> {
    let mut passed: Option<Tier> = None;
    // Nobody is asked where the answer is built in.
    let mut is_over = matches!(decision.decider, Decider::Itself | Decider::OwnNode);
    rules
        .iter()
        .map(|asked| {
            let is_behind = is_over || passed == Some(asked.policy.tier);
            let outcome = if !asked.matches() {
                Outcome::Differs
            } else if asked.policy.enforcement == Enforcement::Audit {
                Outcome::Audited
            } else if decision.decider == Decider::Rule(asked.id) {
                is_over = true;
                Outcome::Decides
            } else if is_behind {
                Outcome::Behind
            } else if asked.rule.action == Action::Pass {
                passed = Some(asked.policy.tier);
                Outcome::Passes
            } else {
                // Of a tier that was not reached: isolation decided before it.
                Outcome::Behind
            };
            Considered {
                policy: asked.policy.name.clone(),
                place: model.place(&asked.rule.origin),
                text: asked.rule.origin.text.clone(),
                action: asked.rule.action,
                tier: asked.policy.tier,
                priority: asked.policy.priority,
                enforcement: asked.policy.enforcement,
                peer_matches: asked.peer_matches,
                port_matches: asked.port_matches,
                outcome,
            }
        })
        .collect()
}

/// Whether a match is about a packet, whose receiver has these names for its ports.
fn l4_matches(l4: &L4Match, packet: L4Packet, receiver_ports: &NamedPorts) -> bool {
    let L4Match::Of(terms) = l4 else {
        return true;
    };
    terms.iter().any(|term| match (term, packet) {
        (L4Term::Ports { protocol, ports }, L4Packet::Port(of, port)) => {
            *protocol == of && (ports.first..=ports.last).contains(&port)
        }
        (L4Term::NamedPort { protocol, name }, L4Packet::Port(of, port)) => {
            let named = receiver_ports.get(name);
            *protocol == of && named.is_some_and(|one| one.protocol == of && one.port == port)
        }
        (L4Term::Icmp { family, kind, code }, L4Packet::Icmp(of, packet_kind, packet_code)) => {
            *family == of
                && kind.is_none_or(|kind| kind == packet_kind)
                && code.is_none_or(|code| code == packet_code)
        }
        (L4Term::Protocol(number), packet) => *number == packet.protocol(),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
