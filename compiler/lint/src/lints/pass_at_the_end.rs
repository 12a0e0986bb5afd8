//! `pass` in the last tier: there is nothing to pass to, so it allows.

use polc_diagnostics::{Code, Level};
use polc_model::{Action, Tier};

use crate::{Context, Findings, Lint, findings::with_advice};

pub(crate) const LINT: Lint = Lint {
    name: "pass_at_the_end",
    code: Code::PassAtTheEnd,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for rule in context.rules() {
        if rule.rule.action != Action::Pass || rule.policy.tier != Tier::Baseline {
            continue;
        }
        let place = context.place(&rule.rule.origin);
        let word = place.range.start..place.range.start + 4;
        let word = polc_diagnostics::Place {
            range: word,
            ..place.clone()
        };
        findings.report(
            "after the tier `baseline` comes no other: this `pass` allows",
            place,
            "nothing left to decide",
            |diagnostic| {
                with_advice(diagnostic, "write `allow`", "let its action be to allow")
                    .with_fix(word, "allow")
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn passing_in_the_last_tier_is_allowing() {
        let source = "policy a for {} { tier baseline
egress { pass to cluster } }
policy b for {} { tier admin
egress { pass to cluster } }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: after the tier `baseline` comes no other: this `pass` allows"]
        );
        assert!(
            crate::harness::fixed(&LINT, source)
                .contains("egress { allow to cluster } }\npolicy b")
        );
    }
}
