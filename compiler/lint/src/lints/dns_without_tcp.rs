//! DNS over UDP without DNS over TCP: large answers come by TCP.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, L4Match, L4Term, PortProtocol, PortRange};
use polc_plan::intervals::{ranges_of, sure_ranges_of};

use crate::{Context, Findings, Lint, findings::with_advice, rules};

pub(crate) const LINT: Lint = Lint {
    name: "dns_without_tcp",
    code: Code::DnsWithoutTcp,
    level: Level::Warn,
    check,
};

const DNS: u16 = 53;

fn check(context: &Context<'_>, findings: &mut Findings) {
    let tcp = ranges_of(&L4Match::Of(vec![L4Term::Ports {
        protocol: PortProtocol::Tcp,
        ports: PortRange::single(DNS),
    }]));
    for allow in rules::allows(context, Direction::Egress) {
        let L4Match::Of(terms) = &allow.rule.l4 else {
            continue;
        };
        let udp = L4Term::Ports {
            protocol: PortProtocol::Udp,
            ports: PortRange::single(DNS),
        };
        let also_by_tcp =
            rules::allows_near(context, Direction::Egress, allow.policy.subject).any(|other| {
                context.implies(allow.rule.peer, other.rule.peer)
                    && context.implies(allow.policy.subject, other.policy.subject)
                    && rules::covers(&sure_ranges_of(&other.rule.l4), &tcp)
            });
        if !terms.contains(&udp) || also_by_tcp {
            continue;
        }
        let place = context.place(&allow.rule.origin);
        let end = polc_diagnostics::Place {
            range: place.range.end..place.range.end,
            ..place.clone()
        };
        let ends_in_port = context.text(&place).ends_with("udp 53");
        findings.report(
            "names are resolved over UDP only",
            place,
            "large answers come over TCP",
            |diagnostic| {
                let diagnostic = with_advice(
                    diagnostic,
                    "allow both: `on udp 53 | tcp 53`",
                    "allow port 53 with the protocol `TCP`, too",
                );
                if ends_in_port {
                    diagnostic.with_fix(end, " | tcp 53")
                } else {
                    diagnostic
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn udp_alone_is_half_of_dns() {
        let source = "policy a for {} { egress {
allow to { app: \"dns\" } on udp 53
allow to { app: \"dns2\" } on udp 53 | tcp 53
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: names are resolved over UDP only"]
        );
        let fixed = crate::harness::fixed(&LINT, source);
        assert!(
            fixed.contains("allow to { app: \"dns\" } on udp 53 | tcp 53\n"),
            "{fixed}"
        );
        crate::harness::silent(&LINT, &fixed);
    }

    #[test]
    fn another_rule_may_say_tcp() {
        crate::harness::silent(
            &LINT,
            "policy a for {} { egress {
allow to { app: \"dns\" } on udp 53
allow to { app: \"dns\" } on tcp 53
} }
",
        );
    }
}
