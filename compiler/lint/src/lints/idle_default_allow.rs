//! A policy with `default allow` that denies nothing: it changes nothing.

use polc_diagnostics::{Code, Level};
use polc_model::{Isolation, Tier};

use crate::{Context, Findings, Lint, findings::with_advice, rules};

pub(crate) const LINT: Lint = Lint {
    name: "idle_default_allow",
    code: Code::IdleDefaultAllow,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (id, policy) in context.model.policies_with_ids() {
        let covers = [policy.ingress, policy.egress];
        let isolates_nothing = !covers.contains(&Some(Isolation::Isolates));
        let mut own = context
            .rules()
            .filter(|rule| rule.rule.policy == id)
            .peekable();
        if policy.tier != Tier::Normal || !isolates_nothing || own.peek().is_none() {
            continue;
        }
        // Allowing something helps endpoints that another policy isolates.
        let isolated_elsewhere = context.model.policies_with_ids().any(|(other, isolating)| {
            let isolations = [isolating.ingress, isolating.egress];
            other != id
                && isolations.contains(&Some(Isolation::Isolates))
                && !context.excludes(isolating.subject, policy.subject)
        });
        if isolated_elsewhere || own.any(|rule| rules::drops(rule.rule.action)) {
            continue;
        }
        findings.report(
            format!("`{}` changes nothing", policy.name),
            context.place(&policy.origin),
            "denies nothing, and by default everything is allowed",
            |diagnostic| {
                with_advice(
                    diagnostic,
                    "remove `default allow`, so that only what it allows passes",
                    "leave out `enableDefaultDeny`, so that only what it allows passes",
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
    fn allowing_what_is_allowed_anyway_changes_nothing() {
        let source = "policy a for { app: \"web\" } { default allow
ingress { allow from world on tcp 443 } }
policy b for { app: \"db\" } { default allow
ingress { deny from world } }
";
        assert_eq!(findings(&LINT, source), ["1: `a` changes nothing"]);
    }

    #[test]
    fn it_helps_endpoints_that_another_policy_isolates() {
        crate::harness::silent(
            &LINT,
            "policy a for { app: \"web\" } { default allow
ingress { allow from world on tcp 443 } }
policy all for {} { ingress {} }
",
        );
    }
}
