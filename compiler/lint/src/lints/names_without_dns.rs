//! Egress to DNS names by endpoints that may not resolve any.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, Isolation, L4Match, L4Term, PortProtocol, PortRange};
use polc_plan::intervals::ranges_of;

use crate::{Context, Findings, Lint, findings::with_advice, rules};

pub(crate) const LINT: Lint = Lint {
    name: "names_without_dns",
    code: Code::NamesWithoutDns,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let dns = ranges_of(&L4Match::Of(vec![L4Term::Ports {
        protocol: PortProtocol::Udp,
        ports: PortRange::single(53),
    }]));
    for allow in rules::allows(context, Direction::Egress) {
        let isolates = allow.policy.egress == Some(Isolation::Isolates);
        if !isolates || !allow.peer.asks_for_names() {
            continue;
        }
        let resolves =
            rules::allows_near(context, Direction::Egress, allow.policy.subject).any(|other| {
                rules::overlap(&ranges_of(&other.rule.l4), &dns) && !other.peer.asks_for_names()
            });
        if resolves {
            continue;
        }
        findings.report(
            "these names can never be resolved",
            context.place(&allow.rule.origin),
            "needs an address first",
            |diagnostic| {
                let diagnostic = diagnostic.with_label(
                    context.place(&allow.policy.origin),
                    "and no rule lets its endpoints ask a resolver",
                );
                with_advice(
                    diagnostic,
                    "allow the resolver, too: `allow to dns::cluster`, with `use std::dns`",
                    "allow the cluster's resolver on port 53, too",
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
    fn names_need_a_resolver() {
        let source = "policy a for { app: \"web\" } { egress {
allow to \"api.github.com\" on tcp 443
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: these names can never be resolved"]
        );
        let resolving = source.replace("} }", "allow to { app: \"dns\" } on udp 53 | tcp 53\n} }");
        crate::harness::silent(&LINT, &resolving);
    }
}
