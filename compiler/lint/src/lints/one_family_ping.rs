//! Ping for one family only.

use polc_diagnostics::{Code, Level};
use polc_model::{IcmpFamily, L4Match, L4Term};
use polc_plan::intervals::{ranges_of, sure_ranges_of};

use crate::{Context, Findings, Lint, context::RuleOf, findings::with_advice, rules};

pub(crate) const LINT: Lint = Lint {
    name: "one_family_ping",
    code: Code::OneFamilyPing,
    // Clusters with one family are common.
    level: Level::Allow,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for direction in polc_model::Direction::BOTH {
        for allow in rules::allows(context, direction) {
            for (family, other, word) in [
                (
                    echo(IcmpFamily::V4),
                    echo(IcmpFamily::V6),
                    "icmpv6 echo_request",
                ),
                (
                    echo(IcmpFamily::V6),
                    echo(IcmpFamily::V4),
                    "icmp echo_request",
                ),
            ] {
                if !pings(&allow, family) || also(context, &allow, other) {
                    continue;
                }
                findings.report(
                    "this lets ping through for one family only",
                    context.place(&allow.rule.origin),
                    "the other family is silent",
                    |diagnostic| {
                        let yaml = "allow the echo request of the other family, too";
                        with_advice(diagnostic, format!("add `| {word}`"), yaml)
                    },
                );
            }
        }
    }
}

const fn echo(family: IcmpFamily) -> L4Term {
    let kind = match family {
        IcmpFamily::V4 => 8,
        IcmpFamily::V6 => 128,
    };
    L4Term::Icmp {
        family,
        kind: Some(kind),
        code: None,
    }
}

fn pings(rule: &RuleOf<'_>, echo: L4Term) -> bool {
    matches!(&rule.rule.l4, L4Match::Of(terms) if terms.contains(&echo))
}

/// Whether a rule for the same peers lets the other family through.
fn also(context: &Context<'_>, allow: &RuleOf<'_>, other: L4Term) -> bool {
    let wanted = ranges_of(&L4Match::Of(vec![other]));
    rules::allows_near(context, allow.rule.direction, allow.policy.subject).any(|rule| {
        context.implies(allow.rule.peer, rule.rule.peer)
            && context.implies(allow.policy.subject, rule.policy.subject)
            && rules::covers(&sure_ranges_of(&rule.rule.l4), &wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn the_other_family_is_missing() {
        let source = "policy a for {} { ingress {
allow from cluster on icmp echo_request
allow from world on icmp echo_request | icmpv6 echo_request
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: this lets ping through for one family only"]
        );
    }
}
