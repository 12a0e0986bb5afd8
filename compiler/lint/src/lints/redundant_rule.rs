//! A rule that another one of the same policy, or of one that selects as much, already says.

use polc_diagnostics::{Code, Level};

use crate::{
    Context, Findings, Lint,
    rules::{self, Cover},
};

pub(crate) const LINT: Lint = Lint {
    name: "redundant_rule",
    code: Code::RedundantRule,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for &Cover { by, of } in context.covers() {
        if rules::precedence(&by) != rules::precedence(&of) {
            continue;
        }
        let is_same = by.rule.peer == of.rule.peer && by.rule.l4 == of.rule.l4;
        let headline = match (is_same, rules::same_policy(&by, &of)) {
            (true, true) => "this rule is written twice".to_owned(),
            (_, true) => "this rule says less than another one of the policy".to_owned(),
            (_, false) => format!("`{}` already says what this rule says", by.policy.name),
        };
        findings.report(
            headline,
            context.place(&of.rule.origin),
            "changes nothing",
            |diagnostic| {
                diagnostic
                    .with_label(context.place(&by.rule.origin), "says all of it")
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
    fn repetition_inside_a_policy_is_found() {
        let source = "policy a for {} { ingress {
allow from { app: \"web\" } on tcp 80
allow from { app: \"web\" } on tcp 80
allow from { app: \"web\", tier: \"x\" } on tcp 80
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "3: this rule is written twice",
                "4: this rule says less than another one of the policy",
            ]
        );
    }

    #[test]
    fn a_wider_policy_says_it_too() {
        let source = "policy a for {} { ingress { allow from { app: \"web\" } on tcp 80..90 } }
policy b for { app: \"db\" } { ingress { allow from { app: \"web\" } on tcp 80 } }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: `a` already says what this rule says"]
        );
    }

    #[test]
    fn different_ports_and_directions_are_different_rules() {
        super::super::super::harness::silent(
            &LINT,
            "policy a for {} { ingress { allow from all on tcp 80 }
egress { allow to all on tcp 80 } }
policy b for {} { ingress { allow from all on tcp 81 } }
",
        );
    }
}
