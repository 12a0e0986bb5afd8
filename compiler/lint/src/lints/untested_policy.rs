//! A policy about which no test says anything.

use polc_diagnostics::{Code, Level};
use polc_model::Expectation;

use crate::{Context, Findings, Lint, findings::with_advice};

pub(crate) const LINT: Lint = Lint {
    name: "untested_policy",
    code: Code::UntestedPolicy,
    level: Level::Allow,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let checks = context.model.tests.iter().flat_map(|test| &test.checks);
    let named: std::collections::BTreeSet<_> = checks
        .filter_map(|check| {
            let (Expectation::Allowed { by } | Expectation::Denied { by }) = check.expected;
            by
        })
        .collect();
    for (id, policy) in context.model.policies_with_ids() {
        if named.contains(&id) {
            continue;
        }
        findings.report(
            format!("no test says what `{}` decides", policy.name),
            context.place(&policy.origin),
            "no check ends in its name",
            |diagnostic| {
                with_advice(
                    diagnostic,
                    format!("add a check: `… is allowed by {}`", policy.name),
                    format!("add a check: `… is allowed by \"{}\"`", policy.name),
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
    fn a_policy_is_tested_when_a_check_names_it() {
        let source = "policy a for {} { ingress { allow from world on tcp 443 } }
policy b for {} { egress {} }
test \"t\" {
given w = endpoint {}
192.0.2.1 -> w tcp 443 is allowed by a
}
";
        assert_eq!(
            findings(&LINT, source),
            ["2: no test says what `b` decides"]
        );
    }
}
