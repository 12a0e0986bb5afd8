//! A deny that takes nothing away: nothing allows what it denies, and its policy isolates anyway.

use polc_diagnostics::{Code, Level};
use polc_model::{Isolation, Tier};
use polc_plan::intervals::ranges_of;

use crate::{Context, Findings, Lint, rules};

pub(crate) const LINT: Lint = Lint {
    name: "needless_deny",
    code: Code::NeedlessDeny,
    // Some write down what they deny, for those who read.
    level: Level::Allow,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for deny in context.rules() {
        let isolates = deny.policy.covers(deny.rule.direction) == Some(Isolation::Isolates);
        if !rules::drops(deny.rule.action) || deny.policy.tier != Tier::Normal || !isolates {
            continue;
        }
        let ranges = ranges_of(&deny.rule.l4);
        let takes_away =
            rules::allows_near(context, deny.rule.direction, deny.policy.subject).any(|allow| {
                allow.policy.tier == Tier::Normal
                    && !context.excludes(allow.rule.peer, deny.rule.peer)
                    && !context.excludes(allow.policy.subject, deny.policy.subject)
                    && rules::overlap(&ranges_of(&allow.rule.l4), &ranges)
            });
        if takes_away {
            continue;
        }
        findings.report(
            "this deny takes nothing away",
            context.place(&deny.rule.origin),
            "nothing allows this",
            |diagnostic| {
                diagnostic
                    .with_label(
                        context.place(&deny.policy.origin),
                        "isolates its endpoints: what no rule allows is denied",
                    )
                    .with_help("remove it")
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn a_deny_of_what_nothing_allows_is_needless() {
        let source = "policy a for {} { ingress {
allow from { app: \"web\" } on tcp 80
deny from world
deny from { app: \"web\", old: \"yes\" }
} }
";
        assert_eq!(findings(&LINT, source), ["3: this deny takes nothing away"]);
    }

    #[test]
    fn where_everything_is_allowed_a_deny_counts() {
        crate::harness::silent(
            &LINT,
            "policy a for {} { default allow
ingress { deny from world } }
",
        );
    }
}
