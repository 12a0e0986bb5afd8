//! Policy classes: the policies that apply to an endpoint in one direction, and their plan.

use std::collections::BTreeSet;

use polc_model::{
    Direction, Enforcement, Model, Party, PeerFacts, PeerKind, Phase, PolicyId, TestEndpoint,
};
use serde::{Deserialize, Serialize};

use crate::{
    Decisions, Layout, NameId, names,
    order::{self, Scope},
    strategy::Choice,
};

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
    /// Which numbers its decisions and its program have for what they ask about.
    pub layout: Layout,
    /// What is decided.
    pub enforced: Decisions,
    /// What would be decided, were the class's audited policies enforced. `None` where it has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audited: Option<Decisions>,
}

impl ClassKey {
    /// The class of an endpoint, or of the node.
    #[must_use]
    pub fn of(model: &Model, direction: Direction, endpoint: &PeerFacts<'_>) -> Self {
        let applies = |subject| {
            model
                .selector(subject)
                .is_some_and(|subject| subject.expr.applies_to(endpoint))
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
    /// What is decided, and what would be.
    pub fn scopes(&self) -> impl Iterator<Item = &Decisions> {
        [&self.enforced].into_iter().chain(&self.audited)
    }

    /// The named ports that the class's program asks about, some of them several times.
    pub fn names(&self) -> impl Iterator<Item = NameId> {
        self.scopes().flat_map(Decisions::names)
    }
}

/// Classes that can be foreseen without an inventory: no policy at all, each policy alone, the node's,
/// and those of the endpoints in the package's tests. A node compiles others when it meets them.
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
        // Nodes with labels that policies ask for have classes of their own, which are planned there.
        keys.insert(ClassKey::of(model, direction, &PeerFacts::host()));
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

/// Plans one class. The plan depends on the class's policies, whatever else the Model holds: but for
/// their ids, those of another Model with the same policies give the same.
#[must_use]
pub fn plan(model: &Model, key: ClassKey, choice: Choice) -> ClassPlan {
    let names = names::of(model, &key);
    let decisions = |scope| {
        let rules = order::rules(model, &names, &key, scope);
        let isolated_by = order::isolated_by(model, &key, scope);
        Decisions::plan(model, &names, &rules, isolated_by, choice)
    };
    let mut enforced = decisions(Scope::Enforced);
    let is_audited = key.policies.iter().any(|&id| {
        model
            .policy(id)
            .is_some_and(|policy| policy.enforcement == Enforcement::Audit)
    });
    let mut audited = is_audited.then(|| decisions(Scope::WithAudited));
    let scopes = [&mut enforced].into_iter().chain(&mut audited);
    let layout = Layout::of(model, &key, names, scopes);
    ClassPlan {
        key,
        layout,
        enforced,
        audited,
    }
}
