//! Policies whose program is close to what one program may hold.

use polc_diagnostics::{Code, Level};
use polc_plan::{Choice, class};

use crate::{Context, Findings, Lint, findings::with_advice};

pub(crate) const LINT: Lint = Lint {
    name: "near_budget",
    code: Code::NearBudget,
    level: Level::Warn,
    check,
};

/// Tests for one port from which on it is said: half of what `polc build` refuses.
const MANY: usize = 2_048;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let model = context.model;
    if model.rules.len() < MANY {
        return;
    }
    for key in class::foreseen(model) {
        let rules = key.policies.iter().flat_map(|&id| model.rules_of(id));
        let rules = rules.filter(|(_, rule)| rule.direction == key.direction);
        // Planning takes long, and most classes are small.
        if rules.count() < MANY {
            continue;
        }
        let direction = key.direction;
        let plan = class::plan(model, key, Choice::default());
        let tests = plan.enforced.most_tests();
        let policies = plan.key.policies.iter().filter_map(|&id| model.policy(id));
        let mut places = policies.map(|policy| context.place(&policy.origin));
        let Some(first) = places.next().filter(|_| tests > MANY) else {
            continue;
        };
        findings.report(
            format!("{direction}: {tests} rules match the same port"),
            first,
            "takes part",
            |diagnostic| {
                let diagnostic = places
                    .fold(diagnostic, |diagnostic, place| {
                        diagnostic.with_label(place, "takes part")
                    })
                    .with_note("`polc build` refuses more than 4096 for one program");
                with_advice(
                    diagnostic,
                    "merge rules that differ only in their peers, with `|`",
                    "merge peers of the same ports, such as labels into one `matchExpressions`",
                )
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn thousands_of_rules_for_one_port_are_many() {
        let rules = |count: usize| -> String {
            let rules =
                (0..count).map(|number| format!("allow from {{ app: \"a{number}\" }} on tcp 80\n"));
            format!(
                "policy a for {{ app: \"web\" }} {{ ingress {{\n{}}} }}\n",
                rules.collect::<String>()
            )
        };
        assert_eq!(
            findings(&LINT, &rules(2_100)),
            ["1: ingress: 2100 rules match the same port"]
        );
        crate::harness::silent(&LINT, &rules(2_000));
    }
}
