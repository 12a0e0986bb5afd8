//! A leaf: what is decided once the port interval is known. Tests of selectors and of the port's
//! names, in order.

use std::collections::BTreeSet;

use polc_model::{Decider, Decision, SelectorId, Tier};
use serde::{Deserialize, Serialize};

use crate::{
    NameId,
    implication::Wider,
    order::{self, OrderedRule},
};

/// Steps, asked in order. The last one reached always decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Leaf {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Step {
    /// The selector that the peer must satisfy. `None` is always satisfied.
    pub when: Option<SelectorId>,
    /// The name that the receiver must have for the port, too. `None` is always satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<NameId>,
    /// What happens if so; else the next step is asked.
    pub then: Then,
}

impl Step {
    /// Whether it is satisfied whatever the packet.
    #[must_use]
    pub const fn is_always(&self) -> bool {
        self.when.is_none() && self.named.is_none()
    }
}

/// What a satisfied step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Ends with this decision.
    Decide(Decision),
    /// Goes on at the step with this index, which is a later one. This is `pass`.
    SkipTo(usize),
}

impl Leaf {
    /// How many of its steps ask for anything: one for each rule that it asks.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.steps.iter().filter(|step| !step.is_always()).count()
    }

    /// Runs the leaf. `has_name` says which names the receiver has for the port; `satisfies` says whether
    /// the peer satisfies a selector. `None` for a leaf that is not valid.
    pub fn decide(
        &self,
        has_name: impl Fn(NameId) -> bool,
        mut satisfies: impl FnMut(SelectorId) -> bool,
    ) -> Option<Decision> {
        let mut index = 0;
        loop {
            let step = self.steps.get(index)?;
            let holds = step.named.is_none_or(&has_name) && step.when.is_none_or(&mut satisfies);
            if !holds {
                index += 1;
                continue;
            }
            match step.then {
                Then::Decide(decision) => return Some(decision),
                Then::SkipTo(target) if target > index => index = target,
                Then::SkipTo(_) => return None,
            }
        }
    }

    /// Builds the leaf for rules that all match the same L4 keys, where the receiver has the name
    /// that some ask for, in the order in which they are asked. `isolated_by` is who denies what the normal tier does not decide.
    #[must_use]
    pub(crate) fn build<'a>(
        rules: impl Iterator<Item = &'a OrderedRule>,
        isolated_by: Option<Decider>,
        wider: &Wider,
    ) -> Self {
        let mut builder = Builder::new(wider);
        let mut rules = rules.peekable();
        for tier in Tier::ALL {
            builder.begin_tier();
            while let Some(rule) = rules.next_if(|rule| rule.tier == tier) {
                builder.rule(rule);
            }
            if let Some(end) = order::end_of_tier(tier, isolated_by) {
                builder.always(Some(end));
            }
            if builder.end_tier() == Reach::Nothing {
                break;
            }
        }
        builder.finish()
    }
}

/// Whether anything gets past a tier.
#[derive(PartialEq, Eq)]
enum Reach {
    Something,
    Nothing,
}

/// What a tier does to every packet that gets that far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Decides,
    Passes,
}

/// What a step asks: of the peer, of the port, or of both.
type Condition = (Option<SelectorId>, Option<NameId>);

struct Builder<'a> {
    /// Which selectors of the class imply which.
    wider: &'a Wider,
    steps: Vec<Step>,
    /// Conditions that earlier tiers decide about for good: no packet skips over those steps.
    decided: BTreeSet<Condition>,
    /// Conditions that this tier decides about or passes.
    settled: BTreeSet<Condition>,
    /// Steps of this tier that pass, to be pointed at the next tier.
    skips: Vec<usize>,
    closed: Option<Closed>,
}

impl<'a> Builder<'a> {
    fn new(wider: &'a Wider) -> Self {
        Self {
            wider,
            steps: Vec::new(),
            decided: BTreeSet::new(),
            settled: BTreeSet::new(),
            skips: Vec::new(),
            closed: None,
        }
    }

    /// Whether one of these conditions plainly holds wherever this one does.
    fn covers(&self, conditions: &BTreeSet<Condition>, (peer, name): Condition) -> bool {
        let wider = peer.into_iter().flat_map(|peer| self.wider.of(peer));
        wider
            .flat_map(|peer| [(Some(peer), None), (Some(peer), name)])
            .chain([(None, name)])
            .any(|weaker| conditions.contains(&weaker))
    }

    fn begin_tier(&mut self) {
        self.settled.clear();
        self.skips.clear();
        self.closed = None;
    }

    fn rule(&mut self, rule: &OrderedRule) {
        if rule.is_always() {
            return self.always(rule.decision());
        }
        let condition = (rule.peer, rule.name);
        let (when, named) = condition;
        // Whatever satisfies this condition has been decided about or has left the tier.
        if self.closed.is_some()
            || self.covers(&self.decided, condition)
            || self.covers(&self.settled, condition)
        {
            return;
        }
        self.settled.insert(condition);
        let then = self.then(rule.decision());
        self.steps.push(Step { when, named, then });
    }

    /// What happens to every packet that gets here; without a decision, it leaves the tier.
    fn always(&mut self, decision: Option<Decision>) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some(match decision {
            Some(_) => Closed::Decides,
            None => Closed::Passes,
        });
        let then = self.then(decision);
        self.steps.push(Step {
            when: None,
            named: None,
            then,
        });
    }

    fn then(&mut self, decision: Option<Decision>) -> Then {
        match decision {
            Some(decision) => Then::Decide(decision),
            None => {
                self.skips.push(self.steps.len());
                Then::SkipTo(usize::MAX)
            }
        }
    }

    /// Points the tier's skips at what follows, and drops those that would only step onto it.
    fn end_tier(&mut self) -> Reach {
        let has_skips = !self.skips.is_empty();
        if !has_skips {
            self.decided.append(&mut self.settled);
        }
        while self
            .skips
            .last()
            .is_some_and(|&skip| skip + 1 == self.steps.len())
        {
            self.skips.pop();
            self.steps.pop();
        }
        let next = self.steps.len();
        for &skip in &self.skips {
            if let Some(step) = self.steps.get_mut(skip) {
                step.then = Then::SkipTo(next);
            }
        }
        match self.closed {
            Some(Closed::Decides) if !has_skips => Reach::Nothing,
            _ => Reach::Something,
        }
    }

    fn finish(self) -> Leaf {
        Leaf { steps: self.steps }
    }
}

#[cfg(test)]
mod tests {
    use polc_model::{Entity, LabelOperator, Model, RuleId, Selector, SelectorExpr, Verdict};

    use super::*;
    use crate::order::RuleOutcome;

    const HTTP: Option<NameId> = Some(NameId(0));
    const DENY: RuleOutcome = RuleOutcome::Decide(Verdict::Deny);
    const ALLOW: RuleOutcome = RuleOutcome::Decide(Verdict::Allow);

    fn peer(number: usize) -> Option<SelectorId> {
        Some(SelectorId::new(number))
    }

    /// The conditions of the leaf's steps, all of whose rules are of one tier.
    fn conditions(rules: &[(Option<SelectorId>, Option<NameId>, RuleOutcome)]) -> Vec<Condition> {
        conditions_with(&Wider::default(), rules)
    }

    fn conditions_with(
        wider: &Wider,
        rules: &[(Option<SelectorId>, Option<NameId>, RuleOutcome)],
    ) -> Vec<Condition> {
        let rules = rules.iter().enumerate();
        let ordered: Vec<OrderedRule> = rules
            .map(|(id, &(peer, name, outcome))| OrderedRule {
                id: RuleId::new(id),
                tier: Tier::Admin,
                peer,
                name,
                outcome,
            })
            .collect();
        let leaf = Leaf::build(ordered.iter(), None, wider);
        leaf.steps
            .iter()
            .map(|step| (step.when, step.named))
            .collect()
    }

    #[test]
    fn a_rule_for_a_named_port_leaves_the_other_ports_to_those_behind_it() {
        let found = conditions(&[(peer(7), HTTP, DENY), (peer(7), None, ALLOW)]);
        assert_eq!(found, [(peer(7), HTTP), (peer(7), None), (None, None)]);
        let found = conditions(&[(None, HTTP, DENY), (None, None, ALLOW)]);
        assert_eq!(found, [(None, HTTP), (None, None)]);
    }

    #[test]
    fn what_never_decides_is_not_asked() {
        let found = conditions(&[
            (peer(7), None, ALLOW),
            (peer(7), HTTP, DENY),
            (None, HTTP, DENY),
            (peer(8), HTTP, ALLOW),
        ]);
        assert_eq!(found, [(peer(7), None), (None, HTTP), (None, None)]);
    }

    #[test]
    fn a_rule_behind_one_for_more_peers_is_not_asked() {
        let selectors = [SelectorExpr::Entity(Entity::Endpoints), web()].map(|expr| Selector {
            expr,
            text: String::new(),
        });
        let model = Model {
            selectors: selectors.into(),
            ..Model::default()
        };
        let wider = Wider::among(&model, &(0..2).map(SelectorId::new).collect());
        let (all, web) = ((peer(0), None), (peer(1), None));
        let found = conditions_with(&wider, &[(peer(0), None, DENY), (peer(1), None, ALLOW)]);
        assert_eq!(found, [all, (None, None)]);
        let found = conditions_with(&wider, &[(peer(1), None, DENY), (peer(0), None, ALLOW)]);
        assert_eq!(found, [web, all, (None, None)]);
        // Those for one port leave the others to it.
        let found = conditions_with(&wider, &[(peer(0), HTTP, DENY), (peer(1), None, ALLOW)]);
        assert_eq!(found, [(peer(0), HTTP), web, (None, None)]);
        let found = conditions_with(&wider, &[(peer(0), None, DENY), (peer(1), HTTP, ALLOW)]);
        assert_eq!(found, [all, (None, None)]);
    }

    fn web() -> SelectorExpr {
        SelectorExpr::Label {
            key: "app".to_owned(),
            operator: LabelOperator::In(vec!["web".to_owned()]),
        }
    }

    #[test]
    fn both_conditions_must_hold() {
        let rule = OrderedRule {
            id: RuleId::new(0),
            tier: Tier::Admin,
            peer: peer(7),
            name: HTTP,
            outcome: DENY,
        };
        let leaf = Leaf::build([&rule].into_iter(), None, &Wider::default());
        let verdict = |has_name, satisfies| {
            let decision = leaf.decide(|_| has_name, |_| satisfies);
            decision.map(|decision| decision.verdict)
        };
        assert_eq!(verdict(true, true), Some(Verdict::Deny));
        assert_eq!(verdict(true, false), Some(Verdict::Allow));
        assert_eq!(verdict(false, true), Some(Verdict::Allow));
    }
}
