//! Which rules some check reached.

use std::collections::BTreeSet;

use polc_model::{Action, Decider, Enforcement, Model, RuleId};
use serde::Serialize;

use super::{CheckResult, explain::collapsed};
use crate::package::LoadedPackage;

/// The rules of a package that decide, and those that no check made decide.
#[derive(Serialize)]
pub(crate) struct Coverage {
    /// Rules that can decide: enforced, and not `pass`.
    pub(crate) rules: usize,
    /// Those that no check reached, in order of place.
    pub(crate) undecided: Vec<Undecided>,
}

/// A rule that no check made decide.
#[derive(Serialize)]
pub(crate) struct Undecided {
    /// `file:line`
    pub(crate) place: String,
    /// Its policy.
    pub(crate) policy: String,
    /// Its source.
    pub(crate) text: String,
}

/// Measures the coverage of a package's checks.
pub(crate) fn measure(package: &LoadedPackage, results: &[CheckResult<'_>]) -> Coverage {
    let model = &package.analysis.model;
    let reached: BTreeSet<RuleId> = results
        .iter()
        .flat_map(|result| result.decision.decisions())
        .filter_map(|(_, decision)| match decision.decider {
            Decider::Rule(rule) => Some(rule),
            _ => None,
        })
        .collect();
    let deciding: Vec<RuleId> = deciding_rules(model).collect();
    let undecided = deciding
        .iter()
        .filter(|rule| !reached.contains(rule))
        .filter_map(|&id| {
            let rule = model.rule(id)?;
            Some(Undecided {
                place: package.display_path(&model.place(&rule.origin)),
                policy: model.policy(rule.policy)?.name.clone(),
                text: collapsed(package.source_of(&rule.origin)),
            })
        })
        .collect();
    Coverage {
        rules: deciding.len(),
        undecided,
    }
}

fn deciding_rules(model: &Model) -> impl Iterator<Item = RuleId> {
    model.rules_with_ids().filter_map(|(id, rule)| {
        let policy = model.policy(rule.policy)?;
        let decides = policy.enforcement == Enforcement::Enforce && rule.action != Action::Pass;
        decides.then_some(id)
    })
}

impl Coverage {
    /// For people: what is missing, then the count.
    pub(crate) fn text(&self, package: &str) -> String {
        let mut text = String::new();
        for rule in &self.undecided {
            text.push_str(&format!(
                "{}: no test decides by `{}`\n",
                rule.place, rule.text
            ));
        }
        let decided = self.rules - self.undecided.len();
        text.push_str(&format!(
            "{package}: tests decide by {decided} of {} rules\n",
            self.rules
        ));
        text
    }
}
