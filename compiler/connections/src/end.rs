//! What one end allows: the rules of its policies, by tier and priority, over sets of L4 keys.

use polc_model::{
    Action, Decider, Decision, Direction, Isolation, L4Match, L4Term, Model, NamedPorts, PolicyId,
    RuleId, SelectorId, Tier, Verdict,
};

use crate::L4Set;

/// What is decided about some L4 keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The keys.
    pub keys: L4Set,
    /// What is decided, and by whom.
    pub decision: Decision,
}

/// A rule of an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndRule<'m> {
    id: RuleId,
    tier: Tier,
    action: Action,
    pub(crate) peer: SelectorId,
    l4: &'m L4Match,
}

/// The rules of some policies in one direction, in the order in which they are asked, and who isolates.
#[derive(Clone, Debug)]
pub(crate) struct End<'m> {
    pub(crate) rules: Vec<EndRule<'m>>,
    isolated_by: Option<PolicyId>,
}

impl<'m> End<'m> {
    pub(crate) fn of(model: &'m Model, direction: Direction, policies: &[PolicyId]) -> Self {
        let mut rules = Vec::new();
        let mut isolated_by = None;
        for &id in policies {
            let Some(policy) = model.policy(id) else {
                continue;
            };
            if policy.tier == Tier::Normal && policy.covers(direction) == Some(Isolation::Isolates)
            {
                isolated_by = isolated_by.or(Some(id));
            }
            for (id, rule) in model.rules_of(id) {
                if rule.direction == direction {
                    let rank = rule.action.rank();
                    let rule = EndRule {
                        id,
                        tier: policy.tier,
                        action: rule.action,
                        peer: rule.peer,
                        l4: &rule.l4,
                    };
                    rules.push(((policy.tier, policy.priority, rank, id), rule));
                }
            }
        }
        rules.sort_unstable_by_key(|(order, _)| *order);
        Self {
            rules: rules.into_iter().map(|(_, rule)| rule).collect(),
            isolated_by,
        }
    }

    /// Whether one of the rules at these positions asks for a port by name.
    pub(crate) fn has_names(&self, positions: &[usize]) -> bool {
        let mut rules = positions.iter().filter_map(|at| self.rules.get(*at));
        rules.any(|rule| match rule.l4 {
            L4Match::Any => false,
            L4Match::Of(terms) => terms
                .iter()
                .any(|term| matches!(term, L4Term::NamedPort { .. })),
        })
    }

    /// What is decided about a peer that the rules at these positions match, where who receives has
    /// these ports. Positions ascend. The pieces are all keys, none twice.
    pub(crate) fn decide(&self, matching: &[usize], receiver: &NamedPorts) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut asked = L4Set::all();
        for tier in Tier::ALL {
            let mut passed = L4Set::default();
            let rules = matching.iter().filter_map(|at| self.rules.get(*at));
            for rule in rules.filter(|rule| rule.tier == tier) {
                let keys = asked.intersection(&L4Set::matched(rule.l4, receiver));
                if keys.is_empty() {
                    continue;
                }
                asked = asked.minus(&keys);
                let verdict = match rule.action {
                    Action::Allow => Verdict::Allow,
                    Action::Deny | Action::Reject => Verdict::Deny,
                    Action::Pass => {
                        passed = passed.union(&keys);
                        continue;
                    }
                };
                push(&mut pieces, keys, verdict, Decider::Rule(rule.id));
            }
            if tier == Tier::Normal
                && let Some(policy) = self.isolated_by
            {
                let denied = std::mem::take(&mut asked);
                push(
                    &mut pieces,
                    denied,
                    Verdict::Deny,
                    Decider::Isolation(policy),
                );
            }
            asked = asked.union(&passed);
        }
        push(&mut pieces, asked, Verdict::Allow, Decider::NoPolicy);
        pieces
    }
}

fn push(pieces: &mut Vec<Piece>, keys: L4Set, verdict: Verdict, decider: Decider) {
    if !keys.is_empty() {
        let decision = Decision { verdict, decider };
        pieces.push(Piece { keys, decision });
    }
}

/// The keys that are allowed.
pub(crate) fn allowed(pieces: &[Piece]) -> L4Set {
    let allowed = pieces
        .iter()
        .filter(|piece| piece.decision.verdict == Verdict::Allow);
    allowed.fold(L4Set::default(), |set, piece| set.union(&piece.keys))
}
