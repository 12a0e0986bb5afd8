//! An allow that a deny of the same tier and priority takes back entirely.

use polc_diagnostics::{Code, Level};

use crate::{
    Context, Findings, Lint,
    findings::with_advice,
    rules::{self, Cover},
};

pub(crate) const LINT: Lint = Lint {
    name: "moot_allow",
    code: Code::MootAllow,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for &Cover { by, of } in context.covers() {
        let same_place =
            (by.policy.tier, by.policy.priority) == (of.policy.tier, of.policy.priority);
        if !same_place || !rules::drops(by.rule.action) || rules::drops(of.rule.action) {
            continue;
        }
        findings.report(
            format!(
                "`{}` denies everything that this rule allows",
                by.policy.name
            ),
            context.place(&of.rule.origin),
            "allows nothing",
            |diagnostic| {
                let diagnostic = diagnostic
                    .with_label(context.place(&by.rule.origin), "denies all of it")
                    .with_note(
                        "at one tier and priority deny beats allow, whatever is more specific",
                    );
                with_advice(
                    diagnostic,
                    "make an exception in the deny: `deny from … - …`",
                    "leave out of the denial what is to pass",
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
    fn a_wider_deny_makes_an_allow_moot() {
        let source = "policy a for {} { ingress {
allow from 10.1.0.0/16 on tcp 80
deny  from 10.0.0.0/8
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: `a` denies everything that this rule allows"]
        );
    }

    #[test]
    fn a_narrower_deny_is_an_exception() {
        crate::harness::silent(
            &LINT,
            "policy a for {} { ingress {
allow from 10.0.0.0/8 on tcp 80
deny  from 10.1.0.0/16
} }
",
        );
    }
}
