//! A rule whose peers cannot exist, or cannot send such packets.

use polc_diagnostics::{Code, Level};
use polc_logic::Answer;
use polc_model::{IcmpFamily, L4Match, L4Term, SelectorExpr};

use crate::{Context, Findings, Lint, context::RuleOf};

pub(crate) const LINT: Lint = Lint {
    name: "never_matches",
    code: Code::NeverMatches,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for rule in context.rules() {
        let Some((label, help)) = why(context, &rule) else {
            continue;
        };
        let place = context.place(&rule.rule.origin);
        findings.report("this rule matches nothing", place, label, |diagnostic| {
            diagnostic.with_help(help)
        });
    }
}

fn why(context: &Context<'_>, rule: &RuleOf<'_>) -> Option<(&'static str, &'static str)> {
    // Equal selectors are asked about once; the set that excludes itself is empty.
    if polc_logic::is_empty(rule.peer) == Answer::Yes {
        return Some((
            "no peer satisfies all of this",
            "the conditions contradict each other",
        ));
    }
    let family = only_icmp(&rule.rule.l4)?;
    let other_family: SelectorExpr = match family {
        IcmpFamily::V4 => block("::/0")?,
        IcmpFamily::V6 => block("0.0.0.0/0")?,
    };
    let is_other = polc_logic::implies(rule.peer, &other_family) == Answer::Yes;
    let _ = context;
    match (is_other, family) {
        (false, _) => None,
        (true, IcmpFamily::V4) => Some((
            "`icmp` is for IPv4, and these addresses are IPv6",
            "write `icmpv6`",
        )),
        (true, IcmpFamily::V6) => Some((
            "`icmpv6` is for IPv6, and these addresses are IPv4",
            "write `icmp`",
        )),
    }
}

/// The family, when the rule is about nothing but one kind of ICMP.
fn only_icmp(l4: &L4Match) -> Option<IcmpFamily> {
    let L4Match::Of(terms) = l4 else { return None };
    let mut families = terms.iter().map(|term| match term {
        L4Term::Icmp { family, .. } => Some(*family),
        L4Term::Ports { .. } | L4Term::NamedPort { .. } | L4Term::Protocol(_) => None,
    });
    let first = families.next()??;
    families
        .all(|family| family == Some(first))
        .then_some(first)
}

fn block(text: &str) -> Option<SelectorExpr> {
    text.parse().ok().map(SelectorExpr::Cidr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn contradictions_are_found() {
        let source = "policy a for {} { ingress {
allow from { app: \"web\" } & { app: \"db\" }
allow from { app: \"web\" } & world
allow from 10.0.0.0/8 & 10.1.0.0/16
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: this rule matches nothing",
                "3: this rule matches nothing"
            ]
        );
    }

    #[test]
    fn icmp_of_the_other_family_is_found() {
        let source = "policy a for {} { ingress {
allow from 2001:db8::/32 on icmp
allow from 10.0.0.0/8 on icmpv6 128
allow from 10.0.0.0/8 on icmp 8 | tcp 80
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: this rule matches nothing",
                "3: this rule matches nothing"
            ]
        );
    }
}
