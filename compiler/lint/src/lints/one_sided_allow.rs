//! Egress that is allowed to endpoints whose own policies let none of it in.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, Enforcement, Entity, Isolation, SelectorExpr, Tier};
use polc_plan::intervals::ranges_of;

use crate::{Context, Findings, Lint, context::RuleOf, rules};

pub(crate) const LINT: Lint = Lint {
    name: "one_sided_allow",
    code: Code::OneSidedAllow,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let endpoints = SelectorExpr::Entity(Entity::Endpoints);
    for allow in rules::allows(context, Direction::Egress) {
        if polc_logic::implies(allow.peer, &endpoints) != polc_logic::Answer::Yes {
            continue;
        }
        let isolating = context
            .policies_near(allow.rule.peer)
            .filter_map(|id| context.model.policy(id))
            .find(|policy| {
                policy.tier == Tier::Normal
                    && policy.enforcement == Enforcement::Enforce
                    && policy.ingress == Some(Isolation::Isolates)
                    && context.implies(allow.rule.peer, policy.subject)
            });
        let Some(isolating) = isolating.filter(|_| !is_let_in(context, &allow)) else {
            continue;
        };
        findings.report(
            format!(
                "none of this is let in: `{}` isolates the other end",
                isolating.name
            ),
            context.place(&allow.rule.origin),
            "allowed here",
            |diagnostic| {
                diagnostic
                    .with_label(
                        context.place(&isolating.origin),
                        "and no rule lets it in here",
                    )
                    .with_help("allow it in both policies, or in none")
            },
        );
    }
}

/// Whether some rule at the other end may let in some of it.
fn is_let_in(context: &Context<'_>, egress: &RuleOf<'_>) -> bool {
    let ranges = ranges_of(&egress.rule.l4);
    let lets_in = |rule: RuleOf<'_>| {
        rule.rule.direction == Direction::Ingress
            && !rules::drops(rule.rule.action)
            && !context.excludes(rule.policy.subject, egress.rule.peer)
            && !context.excludes(rule.rule.peer, egress.policy.subject)
            && rules::overlap(&ranges_of(&rule.rule.l4), &ranges)
    };
    context.rules_near(egress.rule.peer).any(lets_in)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn both_ends_must_agree() {
        let source = "policy web for { app: \"web\" } { egress {
allow to { app: \"db\" } on tcp 5432
allow to { app: \"db\" } on tcp 5433
allow to { app: \"free\" } on tcp 1
} }
policy db for { app: \"db\" } { ingress { allow from { app: \"web\" } on tcp 5432 } }
";
        assert_eq!(
            findings(&LINT, source),
            ["3: none of this is let in: `db` isolates the other end"]
        );
    }
}
