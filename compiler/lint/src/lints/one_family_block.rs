//! `0.0.0.0/0` or `::/0` where everything is meant: each covers one family.

use std::collections::BTreeMap;

use polc_diagnostics::{Code, Level};
use polc_model::{Action, Direction, L4Match, L7Match, PolicyId, Rule, SelectorExpr};

use crate::{Context, Findings, Lint, findings::with_advice};

pub(crate) const LINT: Lint = Lint {
    name: "one_family_block",
    code: Code::OneFamilyBlock,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    // Rules of a policy that say the same of different peers are often one list of the source.
    let mut together: BTreeMap<_, Families> = BTreeMap::new();
    for rule in context.rules() {
        let all = together.entry(key(rule.rule)).or_default();
        let own = families(rule.peer);
        (all.v4, all.v6) = (all.v4 | own.v4, all.v6 | own.v6);
    }
    for rule in context.rules() {
        let own = families(rule.peer);
        let is_whole = together
            .get(&key(rule.rule))
            .is_some_and(|all| all.v4 && all.v6);
        let ((block, _), (other, missing)) = match (own.v4, own.v6) {
            _ if is_whole => continue,
            (true, false) => (V4, V6),
            (false, true) => (V6, V4),
            _ => continue,
        };
        findings.report(
            format!("`{block}` leaves out {missing}"),
            context.place(&rule.rule.origin),
            "covers one family",
            |diagnostic| {
                with_advice(
                    diagnostic.with_note(format!(
                        "`{block}` also covers endpoints and nodes, by their addresses"
                    )),
                    "write `world` for what is outside, or `all` for everything",
                    format!("allow `{other}`, too"),
                )
            },
        );
    }
}

/// A family's whole block, and its name.
const V4: (&str, &str) = ("0.0.0.0/0", "IPv4");
const V6: (&str, &str) = ("::/0", "IPv6");

/// The families of which everything is meant.
#[derive(Clone, Copy, Default)]
struct Families {
    v4: bool,
    v6: bool,
}

fn families(peer: &SelectorExpr) -> Families {
    let mut found = Families::default();
    visit_unions(peer, &mut |block| {
        found.v4 |= block.prefix_len() == 0 && block.addr().is_ipv4();
        found.v6 |= block.prefix_len() == 0 && block.addr().is_ipv6();
    });
    found
}

/// What rules have in common that differ in their peers alone.
const fn key(rule: &Rule) -> (PolicyId, Direction, Action, &L4Match, Option<&L7Match>) {
    let Rule {
        policy,
        direction,
        action,
        l4,
        l7,
        ..
    } = rule;
    (*policy, *direction, *action, l4, l7.as_ref())
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

    #[test]
    fn rules_beside_each_other_may_be_both_halves() {
        let source = "policy a for {} { egress {
allow to 0.0.0.0/0 on tcp 443
allow to ::/0 on tcp 443
allow to ::/0 on tcp 80
} }
";
        assert_eq!(findings(&LINT, source), ["4: `::/0` leaves out IPv4"]);
    }
}
