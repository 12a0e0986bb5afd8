//! Policy classes: the policies that apply to an endpoint in one direction, and their plan.

use std::collections::{BTreeMap, BTreeSet};

use polc_abi::key::L4Key;
use polc_model::{
    Action, Decider, Decision, Direction, Isolation, Model, Party, PeerFacts, PeerKind, Phase,
    PolicyId, RuleId, SelectorId, TestEndpoint, Tier,
};
use serde::{Deserialize, Serialize};

use crate::{intervals, leaf::Leaf};

/// Names a class: endpoints with the same key share one program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassKey {
    /// The direction.
    pub direction: Direction,
    /// Whether the endpoint's labels are known.
    #[serde(default, skip_serializing_if = "Phase::is_ready")]
    pub phase: Phase,
    /// The policies that select the endpoint and cover the direction, in order.
    pub policies: Vec<PolicyId>,
}

/// A class, planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassPlan {
    /// Which class.
    pub key: ClassKey,
    /// Consecutive intervals that cover every [`L4Key`]; the first starts at 0.
    pub intervals: Vec<Interval>,
    /// The leaves, each used by at least one interval, no two equal.
    pub leaves: Vec<Leaf>,
}

/// From `first` to the next interval's `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// The first [`L4Key`].
    pub first: u32,
    /// What is decided.
    pub leaf: LeafId,
}

/// Index into [`ClassPlan::leaves`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeafId(pub usize);

impl ClassKey {
    /// The class of an endpoint.
    #[must_use]
    pub fn of(model: &Model, direction: Direction, endpoint: &PeerFacts<'_>) -> Self {
        let applies = |subject| {
            model
                .selector(subject)
                .is_some_and(|subject| subject.expr.matches(endpoint))
        };
        let policies = model
            .policies_with_ids()
            .filter(|(_, policy)| policy.covers(direction).is_some() && applies(policy.subject))
            .map(|(id, _)| id)
            .collect();
        Self {
            direction,
            phase: match endpoint.kind {
                PeerKind::Init => Phase::Init,
                _ => Phase::Ready,
            },
            policies,
        }
    }
}

impl ClassPlan {
    /// What the class's program must answer. `None` only for a plan that is not valid.
    pub fn decide(&self, l4: L4Key, satisfies: impl FnMut(SelectorId) -> bool) -> Option<Decision> {
        let after = self
            .intervals
            .partition_point(|interval| interval.first <= l4.0);
        let interval = self.intervals.get(after.checked_sub(1)?)?;
        self.leaves.get(interval.leaf.0)?.decide(satisfies)
    }
}

/// Classes that can be foreseen without an inventory: no policy at all, each policy alone, and
/// those of the endpoints in the package's tests. A node compiles others when it meets them.
#[must_use]
pub fn foreseen(model: &Model) -> BTreeSet<ClassKey> {
    let mut keys = BTreeSet::new();
    for direction in Direction::BOTH {
        keys.insert(ClassKey {
            direction,
            phase: Phase::Ready,
            policies: Vec::new(),
        });
        for (id, policy) in model.policies_with_ids() {
            if policy.covers(direction).is_some() {
                keys.insert(ClassKey {
                    direction,
                    phase: Phase::Ready,
                    policies: vec![id],
                });
            }
        }
        for test in &model.tests {
            let used: BTreeSet<usize> = test
                .checks
                .iter()
                .flat_map(|check| [check.source, check.destination])
                .filter_map(|party| match party {
                    Party::Endpoint(index) => Some(index),
                    Party::Address(_) | Party::Name(_) | Party::Host | Party::Entity(_) => None,
                })
                .collect();
            for endpoint in used
                .into_iter()
                .filter_map(|index| test.endpoints.get(index))
            {
                keys.insert(class_of_endpoint(model, direction, endpoint));
            }
        }
    }
    keys
}

fn class_of_endpoint(model: &Model, direction: Direction, endpoint: &TestEndpoint) -> ClassKey {
    let facts = PeerFacts {
        kind: endpoint.phase.kind(),
        is_kube_apiserver: false,
        namespace: endpoint.namespace.as_deref(),
        labels: &endpoint.labels,
        namespace_labels: &endpoint.namespace_labels,
        names: &[],
        ports: &endpoint.ports,
        network: None,
    };
    ClassKey::of(model, direction, &facts)
}

/// Plans one class.
#[must_use]
pub fn plan(model: &Model, key: ClassKey) -> ClassPlan {
    let rules = rules_in_order(model, &key);
    let in_init = (key.phase == Phase::Init).then_some(Decider::Init);
    let isolated_by = isolating_policy(model, &key)
        .map(Decider::Isolation)
        .or(in_init);

    // Where the set of matching rules changes: rules that begin and that end at a key. Positions
    // in `rules` stand for the rules, so that a sorted set of them is in the order of asking.
    let mut changes: BTreeMap<u32, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    changes.insert(L4Key::ANY_FIRST.0, (Vec::new(), Vec::new()));
    for (position, &rule) in rules.iter().enumerate() {
        let Some(rule) = model.rule(rule) else {
            continue;
        };
        // `unsupported` names named ports; what is asked all the same denies more and allows less.
        let ranges = match rule.action {
            Action::Deny | Action::Reject => intervals::ranges_of(&rule.l4),
            Action::Allow | Action::Pass => intervals::sure_ranges_of(&rule.l4),
        };
        for range in ranges {
            changes.entry(range.first).or_default().0.push(position);
            if range.last < L4Key::ANY_LAST.0 {
                changes.entry(range.last + 1).or_default().1.push(position);
            }
        }
    }

    let mut active: BTreeSet<usize> = BTreeSet::new();
    let mut ids: BTreeMap<Leaf, LeafId> = BTreeMap::new();
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut plan_intervals: Vec<Interval> = Vec::new();
    for (first, (begin, end)) in changes {
        for position in end {
            active.remove(&position);
        }
        active.extend(begin);
        let matching: Vec<RuleId> = active
            .iter()
            .filter_map(|&position| rules.get(position).copied())
            .collect();
        let leaf = Leaf::build(model, &matching, isolated_by);
        let leaf = *ids.entry(leaf).or_insert_with_key(|leaf| {
            leaves.push(leaf.clone());
            LeafId(leaves.len() - 1)
        });
        if plan_intervals
            .last()
            .is_none_or(|previous| previous.leaf != leaf)
        {
            plan_intervals.push(Interval { first, leaf });
        }
    }
    ClassPlan {
        key,
        intervals: plan_intervals,
        leaves,
    }
}

/// The class's rules in the order in which they are asked.
fn rules_in_order(model: &Model, key: &ClassKey) -> Vec<RuleId> {
    let mut rules: Vec<(Tier, u32, u8, RuleId)> = Vec::new();
    for &policy_id in &key.policies {
        let Some(policy) = model.policy(policy_id) else {
            continue;
        };
        // Rules are grouped by policy, in order: a valid Model lets us search.
        let start = model.rules.partition_point(|rule| rule.policy < policy_id);
        for (id, rule) in model.rules_with_ids().skip(start) {
            if rule.policy != policy_id {
                break;
            }
            if rule.direction == key.direction {
                rules.push((policy.tier, policy.priority, rule.action.rank(), id));
            }
        }
    }
    rules.sort_unstable();
    rules.into_iter().map(|(.., id)| id).collect()
}

fn isolating_policy(model: &Model, key: &ClassKey) -> Option<PolicyId> {
    key.policies.iter().copied().find(|&id| {
        model.policy(id).is_some_and(|policy| {
            policy.tier == Tier::Normal && policy.covers(key.direction) == Some(Isolation::Isolates)
        })
    })
}
