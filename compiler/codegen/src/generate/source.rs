//! Which line of the policy an instruction comes from.

use polc_model::{Decider, Origin};
use polc_plan::{Step, Then};

use super::Generator;

impl Generator<'_> {
    pub(super) fn step_source(&mut self, step: &Step) {
        if let Then::Decide(decision) = step.then
            && let Some(origin) = self.model.deciding_origin(decision.decider)
        {
            self.origin(origin);
        }
    }

    pub(super) fn decision_source(&mut self, decider: Decider) {
        match self.model.deciding_origin(decider) {
            Some(origin) => self.origin(origin),
            None => self.class_source(),
        }
    }

    /// Code that belongs to no rule is shown at the class's first policy.
    pub(super) fn class_source(&mut self) {
        let mut policies = self.key.policies.iter();
        match policies
            .next()
            .and_then(|&policy| self.model.policy(policy))
        {
            Some(policy) => self.origin(&policy.origin),
            None => {
                let text = "no policy applies".to_owned();
                let origin = Origin {
                    line: 1,
                    column: 1,
                    text,
                    ..Origin::default()
                };
                self.asm.source("(none)", &origin);
            }
        }
    }

    fn origin(&mut self, origin: &Origin) {
        let file = self
            .model
            .files
            .get(origin.file.index())
            .map_or("?", String::as_str);
        self.asm.source(file, origin);
    }
}
