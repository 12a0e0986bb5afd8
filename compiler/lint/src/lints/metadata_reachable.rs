//! Egress that reaches the cloud's metadata service, which hands out the node's credentials.

use std::net::IpAddr;

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, PeerFacts};
use polc_plan::intervals::ranges_of;

use crate::{Context, Findings, Lint, context::RuleOf, findings::with_advice, rules};

pub(crate) const LINT: Lint = Lint {
    name: "metadata_reachable",
    code: Code::MetadataReachable,
    level: Level::Warn,
    check,
};

/// Where the metadata services of the large clouds answer.
const ADDRESSES: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
/// HTTP over TCP.
const KEY: u32 = (6 << 16) | 80;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for allow in rules::allows(context, Direction::Egress) {
        let reached = ADDRESSES
            .iter()
            .filter_map(|text| text.parse::<IpAddr>().ok())
            .find(|&address| speaks_about(&allow, address));
        let Some(address) = reached else { continue };
        let is_denied = context.rules_near(allow.policy.subject).any(|deny| {
            rules::drops(deny.rule.action)
                && deny.rule.direction == Direction::Egress
                && rules::precedence(&deny) < rules::precedence(&allow)
                && speaks_about(&deny, address)
                && context.implies(allow.policy.subject, deny.policy.subject)
        });
        // Whoever names so narrow a block means it.
        if is_denied || polc_logic::implies(allow.peer, &link_local()) == polc_logic::Answer::Yes {
            continue;
        }
        findings.report(
            format!("this rule reaches the cloud's metadata service at {address}"),
            context.place(&allow.rule.origin),
            "includes it",
            |diagnostic| {
                with_advice(
                    diagnostic.with_note("it hands out the node's credentials to whoever asks"),
                    format!("take it out: `- {address}`, or deny it in the tier `admin`"),
                    format!(
                        "take it out with `except: [{}]`, or deny it for all in a policy of administrators",
                        ipnet::IpNet::from(address)
                    ),
                )
            },
        );
    }
}

fn speaks_about(rule: &RuleOf<'_>, address: IpAddr) -> bool {
    rule.peer.matches(&PeerFacts::world(address))
        && ranges_of(&rule.rule.l4)
            .iter()
            .any(|range| range.first <= KEY && KEY <= range.last)
}

fn link_local() -> polc_model::SelectorExpr {
    let blocks = ["169.254.0.0/16", "fd00:ec2::/32"];
    let block = |text: &&str| text.parse().ok().map(polc_model::SelectorExpr::Cidr);
    polc_model::SelectorExpr::AnyOf(blocks.iter().filter_map(block).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn the_world_includes_the_metadata_service() {
        let source = "policy a for {} { egress {
allow to world on tcp 80 | tcp 443
allow to world on tcp 443
allow to world - 169.254.0.0/16 - fd00:ec2::254 on tcp 80
allow to 169.254.169.254 on tcp 80
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: this rule reaches the cloud\'s metadata service at 169.254.169.254"]
        );
    }

    #[test]
    fn a_deny_that_is_asked_before_is_enough() {
        crate::harness::silent(
            &LINT,
            "policy a for { app: \"web\" } { egress { allow to world on tcp 80 } }
policy guard for {} { tier admin
egress { deny to 169.254.169.254 | fd00:ec2::254 } }
",
        );
    }
}
