//! A leaf: what is decided once the port interval is known. Tests of selectors, in order.

use std::collections::BTreeSet;

use polc_model::{Action, Decider, Decision, Model, RuleId, SelectorId, Tier, Verdict};
use serde::{Deserialize, Serialize};

use crate::layout;

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
    /// What happens if so; else the next step is asked.
    pub then: Then,
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
    /// Runs the leaf. `satisfies` says whether the peer satisfies a selector. `None` for a leaf
    /// that is not valid.
    pub fn decide(&self, mut satisfies: impl FnMut(SelectorId) -> bool) -> Option<Decision> {
        let mut index = 0;
        loop {
            let step = self.steps.get(index)?;
            if !step.when.is_none_or(&mut satisfies) {
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

    /// Builds the leaf for rules that all match the same L4 keys.
    ///
    /// `rules` is in the order in which they are asked: tier, priority, deny before allow before
    /// pass, id. `isolated_by` is who denies what the normal tier does not decide.
    #[must_use]
    pub(crate) fn build(model: &Model, rules: &[RuleId], isolated_by: Option<Decider>) -> Self {
        let mut builder = Builder::default();
        let mut rules = rules.iter().copied().peekable();
        for tier in Tier::ALL {
            builder.begin_tier();
            while let Some(rule) = rules.next_if(|&rule| tier_of(model, rule) == Some(tier)) {
                builder.rule(model, rule);
            }
            if tier == Tier::Normal
                && let Some(decider) = isolated_by
            {
                builder.always(Verdict::Deny, decider);
            }
            if builder.end_tier() == Reach::Nothing {
                return builder.finish();
            }
        }
        builder.begin_tier();
        builder.always(Verdict::Allow, Decider::NoPolicy);
        builder.finish()
    }
}

fn tier_of(model: &Model, rule: RuleId) -> Option<Tier> {
    Some(model.policy(model.rule(rule)?.policy)?.tier)
}

/// Whether anything gets past a tier.
#[derive(PartialEq, Eq)]
enum Reach {
    Something,
    Nothing,
}

#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    /// Selectors that earlier tiers decide about for good: no packet skips over those steps.
    decided: BTreeSet<SelectorId>,
    /// Selectors that this tier decides about or passes.
    settled: BTreeSet<SelectorId>,
    /// Steps of this tier that pass, to be pointed at the next tier.
    skips: Vec<usize>,
    /// What this tier does to every packet that gets that far.
    closed: Option<Action>,
}

impl Builder {
    fn begin_tier(&mut self) {
        self.settled.clear();
        self.skips.clear();
        self.closed = None;
    }

    fn rule(&mut self, model: &Model, id: RuleId) {
        let Some(rule) = model.rule(id) else { return };
        let Some(selector) = model.selector(rule.peer) else {
            return;
        };
        if self.closed.is_some() {
            return;
        }
        let when = match layout::constant(&selector.expr) {
            Some(true) => None,
            Some(false) => return,
            None => Some(rule.peer),
        };
        // Whoever satisfies this selector has been decided about or has left the tier.
        if when.is_some_and(|peer| self.decided.contains(&peer) || !self.settled.insert(peer)) {
            return;
        }
        let decide = |verdict| {
            Then::Decide(Decision {
                verdict,
                decider: Decider::Rule(id),
            })
        };
        let then = match rule.action {
            Action::Allow => decide(Verdict::Allow),
            Action::Deny | Action::Reject => decide(Verdict::Deny),
            Action::Pass => {
                self.skips.push(self.steps.len());
                Then::SkipTo(usize::MAX)
            }
        };
        if when.is_none() {
            self.closed = Some(rule.action);
        }
        self.steps.push(Step { when, then });
    }

    fn always(&mut self, verdict: Verdict, decider: Decider) {
        if self.closed.is_none() {
            let then = Then::Decide(Decision { verdict, decider });
            self.steps.push(Step { when: None, then });
            self.closed = Some(Action::Deny);
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
            Some(Action::Allow | Action::Deny | Action::Reject) if !has_skips => Reach::Nothing,
            _ => Reach::Something,
        }
    }

    fn finish(self) -> Leaf {
        Leaf { steps: self.steps }
    }
}
