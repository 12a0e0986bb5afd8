//! Deciders as programs and events carry them: numbers that other policies do not change.
//!
//! A rule's number follows from its policy's name and its place in that policy, an isolation's from
//! the policy's name. So a package with one policy changed, added or taken away has the same
//! programs for all classes that the policy is not part of. Two that hash alike are told apart by
//! taking the next free number, in the Model's order.

use std::collections::BTreeMap;

use polc_abi::verdict::{DeciderId, DeciderKind};
use polc_model::{Decider, Model, PolicyId, RuleId};

use crate::stable_hash;

/// The numbers of a Model's deciders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deciders {
    /// By rule.
    rules: Vec<u32>,
    /// By policy.
    isolations: Vec<u32>,
    rule_of: BTreeMap<u32, RuleId>,
    policy_of: BTreeMap<u32, PolicyId>,
}

impl Deciders {
    /// Numbers the deciders of a Model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let mut numbered = Self::default();
        let mut before = None;
        let mut place: u32 = 0;
        for (id, rule) in model.rules_with_ids() {
            place = if before == Some(rule.policy) {
                place + 1
            } else {
                0
            };
            before = Some(rule.policy);
            let name = model
                .policy(rule.policy)
                .map_or("", |policy| policy.name.as_str());
            let number = free(&numbered.rule_of, hash(name, &place.to_le_bytes()));
            numbered.rule_of.insert(number, id);
            numbered.rules.push(number);
        }
        for (id, policy) in model.policies_with_ids() {
            let number = free(&numbered.policy_of, hash(&policy.name, &[]));
            numbered.policy_of.insert(number, id);
            numbered.isolations.push(number);
        }
        numbered
    }

    /// A decider's number. Of a decider of another Model, one that nobody has.
    #[must_use]
    pub fn id(&self, decider: Decider) -> DeciderId {
        let number = |of: &[u32], index| of.get(index).copied().unwrap_or(DeciderId::MAX_INDEX);
        match decider {
            Decider::NoPolicy => DeciderId::NO_POLICY,
            Decider::Rule(rule) => DeciderId::rule(number(&self.rules, rule.index())),
            Decider::Isolation(policy) => {
                DeciderId::isolation(number(&self.isolations, policy.index()))
            }
            Decider::Init => DeciderId::INIT,
            Decider::Itself => DeciderId::ITSELF,
            Decider::OwnNode => DeciderId::OWN_NODE,
        }
    }

    /// The decider with a number. `None` for a number that nobody has.
    #[must_use]
    pub fn decider(&self, id: DeciderId) -> Option<Decider> {
        Some(match id.kind()? {
            DeciderKind::NoPolicy => Decider::NoPolicy,
            DeciderKind::Rule(number) => Decider::Rule(*self.rule_of.get(&number)?),
            DeciderKind::Isolation(number) => Decider::Isolation(*self.policy_of.get(&number)?),
            DeciderKind::Init => Decider::Init,
            DeciderKind::Itself => Decider::Itself,
            DeciderKind::OwnNode => Decider::OwnNode,
        })
    }
}

/// The first number from `wanted` on that nobody has. There are far more numbers than rules: Model
/// validation sees to it.
fn free<T>(taken: &BTreeMap<u32, T>, wanted: u32) -> u32 {
    let mut number = wanted;
    while taken.contains_key(&number) {
        number = (number + 1) % DeciderId::MAX_INDEX;
    }
    number
}

/// A number that follows from a policy's name.
fn hash(name: &str, rest: &[u8]) -> u32 {
    let bytes = name.bytes().chain([0]).chain(rest.iter().copied());
    stable_hash::below(DeciderId::MAX_INDEX, bytes)
}

#[cfg(test)]
mod tests {
    use polc_model::{
        Action, Direction, Enforcement, L4Match, Origin, Policy, Rule, SelectorId, Tier,
    };

    use super::*;

    fn model(policies: &[(&str, usize)]) -> Model {
        let mut model = Model::default();
        for (name, rules) in policies {
            let policy = PolicyId::new(model.policies.len());
            model.policies.push(Policy {
                name: (*name).to_owned(),
                subject: SelectorId::new(0),
                tier: Tier::Normal,
                priority: 0,
                enforcement: Enforcement::Enforce,
                ingress: None,
                egress: None,
                doc: None,
                origin: Origin::default(),
            });
            model.rules.extend((0..*rules).map(|_| Rule {
                policy,
                direction: Direction::Ingress,
                action: Action::Allow,
                peer: SelectorId::new(0),
                l4: L4Match::Any,
                l7: None,
                origin: Origin::default(),
            }));
        }
        model
    }

    #[test]
    fn every_decider_has_a_number_of_its_own() {
        let model = model(&[("a", 3_000), ("b", 3_000), ("c", 0)]);
        let deciders = Deciders::of(&model);
        for (id, _) in model.rules_with_ids() {
            let decider = Decider::Rule(id);
            assert_eq!(deciders.decider(deciders.id(decider)), Some(decider));
        }
        for (id, _) in model.policies_with_ids() {
            let decider = Decider::Isolation(id);
            assert_eq!(deciders.decider(deciders.id(decider)), Some(decider));
        }
    }

    #[test]
    fn other_policies_change_no_numbers() {
        let few = Deciders::of(&model(&[("m", 5)]));
        let many = Deciders::of(&model(&[("a", 4), ("m", 5), ("z", 9)]));
        let numbers = |of: &Deciders, rules: std::ops::Range<usize>| -> Vec<DeciderId> {
            rules
                .map(|rule| of.id(Decider::Rule(RuleId::new(rule))))
                .collect()
        };
        assert_eq!(numbers(&few, 0..5), numbers(&many, 4..9));
        let isolation = |of: &Deciders, policy| of.id(Decider::Isolation(PolicyId::new(policy)));
        assert_eq!(isolation(&few, 0), isolation(&many, 1));
    }
}
