//! A leaf: what is decided once the port interval is known. Tests of selectors, in order.

use std::collections::BTreeSet;

use polc_model::{Decider, Decision, SelectorId, Tier};
use serde::{Deserialize, Serialize};

use crate::order::{self, OrderedRule};

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
    /// How many selectors it asks about.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.steps.iter().filter(|step| step.when.is_some()).count()
    }

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

    /// Builds the leaf for rules that all match the same L4 keys, in the order in which they are
    /// asked. `isolated_by` is who denies what the normal tier does not decide.
    #[must_use]
    pub(crate) fn build<'a>(
        rules: impl Iterator<Item = &'a OrderedRule>,
        isolated_by: Option<Decider>,
    ) -> Self {
        let mut builder = Builder::default();
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

#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    /// Selectors that earlier tiers decide about for good: no packet skips over those steps.
    decided: BTreeSet<SelectorId>,
    /// Selectors that this tier decides about or passes.
    settled: BTreeSet<SelectorId>,
    /// Steps of this tier that pass, to be pointed at the next tier.
    skips: Vec<usize>,
    closed: Option<Closed>,
}

impl Builder {
    fn begin_tier(&mut self) {
        self.settled.clear();
        self.skips.clear();
        self.closed = None;
    }

    fn rule(&mut self, rule: &OrderedRule) {
        let Some(peer) = rule.peer else {
            return self.always(rule.decision());
        };
        // Whoever satisfies this selector has been decided about or has left the tier.
        if self.closed.is_some() || self.decided.contains(&peer) || !self.settled.insert(peer) {
            return;
        }
        let then = self.then(rule.decision());
        self.steps.push(Step {
            when: Some(peer),
            then,
        });
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
        self.steps.push(Step { when: None, then });
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
