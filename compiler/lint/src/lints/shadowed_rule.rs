//! A rule that an earlier tier or priority always decides before.

use polc_diagnostics::{Code, Level};

use crate::{Context, Findings, Lint, rules::Cover};

pub(crate) const LINT: Lint = Lint {
    name: "shadowed_rule",
    code: Code::ShadowedRule,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for &Cover { by, of } in context.covers() {
        let earlier = (by.policy.tier, by.policy.priority) < (of.policy.tier, of.policy.priority);
        if !earlier {
            continue;
        }
        let why = if by.policy.tier == of.policy.tier {
            format!(
                "priority {} comes before {}",
                by.policy.priority, of.policy.priority
            )
        } else {
            format!(
                "the tier `{}` comes before `{}`",
                by.policy.tier.name(),
                of.policy.tier.name()
            )
        };
        findings.report(
            format!(
                "this rule never decides: `{}` decides before it",
                by.policy.name
            ),
            context.place(&of.rule.origin),
            "never reached",
            |diagnostic| {
                diagnostic
                    .with_label(context.place(&by.rule.origin), "decides all of it")
                    .with_note(why)
                    .with_help("remove the rule, or let its policy be asked earlier")
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn an_earlier_tier_shadows() {
        let source = "policy a for {} { tier admin
ingress { deny from world } }
policy b for { app: \"web\" } { ingress {
allow from 192.0.2.0/24 - 192.0.2.7 on tcp 80
allow from { app: \"cart\" } on tcp 80
} }
policy c for {} { ingress { allow from world on tcp 80 } }
";
        // A block is not only the world: an endpoint may have such an address.
        assert_eq!(
            findings(&LINT, source),
            ["7: this rule never decides: `a` decides before it"]
        );
    }

    #[test]
    fn a_named_port_may_be_any_and_is_surely_none() {
        let source = "policy a for {} { tier admin
ingress { deny from world on tcp \"http\" | udp } }
policy b for {} { ingress {
allow from world on tcp 80
allow from world on tcp
allow from world on udp \"dns\"
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["6: this rule never decides: `a` decides before it"]
        );
    }

    #[test]
    fn an_earlier_priority_shadows_only_those_it_selects() {
        let source = "policy a for { app: \"web\" } { priority 1
ingress { allow from all } }
policy b for { app: \"web\", tier: \"x\" } { ingress { deny from world on tcp 22 } }
policy c for {} { ingress { deny from world on tcp 22 } }
";
        assert_eq!(
            findings(&LINT, source),
            ["3: this rule never decides: `a` decides before it"]
        );
    }
}
