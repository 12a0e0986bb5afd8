//! The rules of a class in the order in which they are asked: precedence, flattened.

use polc_model::{
    Action, Decider, Decision, Enforcement, Isolation, L4Match, L4Term, Model, Phase, RuleId,
    SelectorId, Tier, Verdict,
};

use crate::{
    ClassKey, NameId,
    names::{self, PortName},
    selectors::constant,
};

/// Which policies of a class count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Those that are enforced.
    Enforced,
    /// Those, and the audited ones as if they were enforced.
    WithAudited,
}

impl Scope {
    fn holds(self, enforcement: Enforcement) -> bool {
        self == Self::WithAudited || enforcement == Enforcement::Enforce
    }
}

/// A rule, or the part of it that matches one of its named ports, with what planning needs of it at
/// hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderedRule {
    pub(crate) id: RuleId,
    pub(crate) tier: Tier,
    /// The peers. `None` where every peer is meant.
    pub(crate) peer: Option<SelectorId>,
    /// The named port. `None` for what the rule says with numbers.
    pub(crate) name: Option<NameId>,
    pub(crate) outcome: RuleOutcome,
}

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleOutcome {
    Decide(Verdict),
    Pass,
}

impl OrderedRule {
    /// Whether it matches every peer, at every L4 key of its ranges.
    pub(crate) const fn is_always(&self) -> bool {
        self.peer.is_none() && self.name.is_none()
    }

    /// The decision; `None` for a rule that leaves it to another tier. Nothing is behind the last
    /// one.
    pub(crate) fn decision(&self) -> Option<Decision> {
        match self.outcome {
            RuleOutcome::Decide(verdict) => Some(Decision {
                verdict,
                decider: Decider::Rule(self.id),
            }),
            RuleOutcome::Pass if self.tier == Tier::Baseline => Some(NOBODY_DECIDED),
            RuleOutcome::Pass => None,
        }
    }
}

/// What happens to a packet that gets past every tier.
const NOBODY_DECIDED: Decision = Decision {
    verdict: Verdict::Allow,
    decider: Decider::NoPolicy,
};

/// The class's rules: tier, priority, deny before allow before pass, id. Rules that match no peer
/// are left out.
pub(crate) fn rules(
    model: &Model,
    names: &[PortName],
    key: &ClassKey,
    scope: Scope,
) -> Vec<OrderedRule> {
    let mut rules: Vec<(u32, u8, OrderedRule)> = Vec::new();
    for &policy_id in &key.policies {
        let Some(policy) = model
            .policy(policy_id)
            .filter(|policy| scope.holds(policy.enforcement))
        else {
            continue;
        };
        for (id, rule) in model.rules_of(policy_id) {
            if rule.direction != key.direction {
                continue;
            }
            let peer = match model.selector(rule.peer).map(|peer| constant(&peer.expr)) {
                Some(Some(true)) => None,
                Some(None) => Some(rule.peer),
                Some(Some(false)) | None => continue,
            };
            let ordered = OrderedRule {
                id,
                tier: policy.tier,
                peer,
                name: None,
                outcome: match rule.action {
                    Action::Allow => RuleOutcome::Decide(Verdict::Allow),
                    Action::Deny | Action::Reject => RuleOutcome::Decide(Verdict::Deny),
                    Action::Pass => RuleOutcome::Pass,
                },
            };
            let numbered = has_numbers(&rule.l4).then_some(ordered);
            let named = names::of_match(&rule.l4).map(|(protocol, name)| OrderedRule {
                name: names::find(names, protocol, name),
                ..ordered
            });
            let parts = numbered.into_iter().chain(named);
            rules.extend(parts.map(|part| (policy.priority, rule.action.rank(), part)));
        }
    }
    rules.sort_by_key(|(priority, rank, rule)| (rule.tier, *priority, *rank, rule.id));
    rules.into_iter().map(|(.., rule)| rule).collect()
}

/// Whether a match matches anything that is not a named port.
fn has_numbers(l4: &L4Match) -> bool {
    match l4 {
        L4Match::Any => true,
        L4Match::Of(terms) => terms
            .iter()
            .any(|term| !matches!(term, L4Term::NamedPort { .. })),
    }
}

/// Who denies what the normal tier does not decide: a policy, or that the endpoint's labels are not
/// known yet.
pub(crate) fn isolated_by(model: &Model, key: &ClassKey, scope: Scope) -> Option<Decider> {
    let mut policies = key.policies.iter().copied();
    let policy = policies.find(|&id| {
        model.policy(id).is_some_and(|policy| {
            scope.holds(policy.enforcement)
                && policy.tier == Tier::Normal
                && policy.covers(key.direction) == Some(Isolation::Isolates)
        })
    });
    let in_init = (key.phase == Phase::Init).then_some(Decider::Init);
    policy.map(Decider::Isolation).or(in_init)
}

/// What happens to a packet that a tier neither decides nor passes.
pub(crate) fn end_of_tier(tier: Tier, isolated_by: Option<Decider>) -> Option<Decision> {
    match (tier, isolated_by) {
        (Tier::Normal, Some(decider)) => Some(Decision {
            verdict: Verdict::Deny,
            decider,
        }),
        (Tier::Baseline, _) => Some(NOBODY_DECIDED),
        (Tier::Admin | Tier::Normal, _) => None,
    }
}
