//! Tests that only say what is allowed: a policy that allows everything passes them.

use polc_diagnostics::{Code, Level};
use polc_model::Expectation;

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "tests_only_allow",
    code: Code::TestsOnlyAllow,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut checks = context.model.tests.iter().flat_map(|test| &test.checks);
    let some_denied = checks.any(|check| matches!(check.expected, Expectation::Denied { .. }));
    let Some(first) = context
        .model
        .tests
        .first()
        .filter(|test| !test.checks.is_empty())
    else {
        return;
    };
    if some_denied {
        return;
    }
    findings.report(
        "no test of this package expects anything to be denied",
        context.place(&first.origin),
        "only says what is allowed",
        |diagnostic| {
            diagnostic
                .with_note("a package without any policy would pass these tests")
                .with_help("add a check that ends in `is denied`")
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn something_must_be_denied() {
        let source = "test \"t\" {
given w = endpoint {}
192.0.2.1 -> w tcp 443 is allowed
}
";
        assert_eq!(
            findings(&LINT, source),
            ["1: no test of this package expects anything to be denied"]
        );
        crate::harness::silent(&LINT, &source.replace("allowed", "denied"));
    }
}
