//! `0.0.0.0/0` or `::/0` where everything is meant: each covers one family.

use polc_diagnostics::{Code, Level};
use polc_model::SelectorExpr;

use crate::{Context, Findings, Lint};

pub(crate) const LINT: Lint = Lint {
    name: "one_family_block",
    code: Code::OneFamilyBlock,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for rule in context.rules() {
        let (mut v4, mut v6) = (false, false);
        visit_unions(rule.peer, &mut |block| {
            v4 |= block.prefix_len() == 0 && block.addr().is_ipv4();
            v6 |= block.prefix_len() == 0 && block.addr().is_ipv6();
        });
        let (block, missing) = match (v4, v6) {
            (true, false) => ("0.0.0.0/0", "IPv6"),
            (false, true) => ("::/0", "IPv4"),
            _ => continue,
        };
        findings.report(
            format!("`{block}` leaves out {missing}"),
            context.place(&rule.rule.origin),
            "covers one family",
            |diagnostic| {
                diagnostic
                    .with_note(format!(
                        "`{block}` also covers endpoints and nodes, by their addresses"
                    ))
                    .with_help("write `world` for what is outside, or `all` for everything")
            },
        );
    }
}

/// Blocks that are members of the set, and not what is taken away from it.
fn visit_unions(expr: &SelectorExpr, visit: &mut impl FnMut(ipnet::IpNet)) {
    match expr {
        SelectorExpr::Cidr(block) => visit(*block),
        SelectorExpr::AnyOf(parts) => parts.iter().for_each(|part| visit_unions(part, visit)),
        SelectorExpr::Minus(base, _) => visit_unions(base, visit),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn one_family_of_everything_is_half_of_it() {
        let source = "policy a for {} { egress {
allow to 0.0.0.0/0 - 10.0.0.0/8 on tcp 443
allow to 0.0.0.0/0 | ::/0 on tcp 80
allow to 10.0.0.0/8 on tcp 81
} }
";
        assert_eq!(findings(&LINT, source), ["2: `0.0.0.0/0` leaves out IPv6"]);
    }
}
