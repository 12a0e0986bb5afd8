//! A rule about requests whose connections a plain allow lets through whole.

use polc_diagnostics::{Code, Level};
use polc_model::Action;
use polc_plan::intervals::{ranges_of, sure_ranges_of};

use crate::{Context, Findings, Lint, rules};

pub(crate) const LINT: Lint = Lint {
    name: "covered_l7",
    code: Code::CoveredL7,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for of in context.rules().filter(|rule| rule.rule.l7.is_some()) {
        let ranges = ranges_of(&of.rule.l4);
        let covers = |by: &crate::context::RuleOf<'_>| {
            by.rule.action == Action::Allow
                && by.rule.l7.is_none()
                && by.rule.direction == of.rule.direction
                && rules::precedence(by) == rules::precedence(&of)
                && rules::covers(&sure_ranges_of(&by.rule.l4), &ranges)
                && context.implies(of.rule.peer, by.rule.peer)
                && context.implies(of.policy.subject, by.policy.subject)
        };
        let Some(by) = context.rules_near(of.policy.subject).find(covers) else {
            continue;
        };
        findings.report(
            "every request passes, whatever this rule says",
            context.place(&of.rule.origin),
            "names requests",
            |diagnostic| {
                diagnostic
                    .with_label(
                        context.place(&by.rule.origin),
                        "lets the whole connection through",
                    )
                    .with_help("say which requests in both rules, or in none")
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn a_plain_allow_covers_requests() {
        let source = "policy a for { app: \"web\" } { ingress {
allow from { app: \"cart\" } on tcp 80 only { GET /healthz }
allow from { app: \"cart\" } on tcp 80..90
allow from { app: \"shop\" } on tcp 80 only { GET /healthz }
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: every request passes, whatever this rule says"]
        );
        crate::harness::silent(&crate::lints::redundant_rule::LINT, source);
    }
}
