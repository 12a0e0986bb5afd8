//! A port term that another term of the same set already covers.

use polc_diagnostics::{Code, Level};
use polc_model::{L4Match, L4Term};
use polc_plan::intervals::{ranges_of, sure_ranges_of};

use crate::{Context, Findings, Lint, rules};

pub(crate) const LINT: Lint = Lint {
    name: "overlapping_ports",
    code: Code::OverlappingPorts,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for rule in context.rules() {
        let L4Match::Of(terms) = &rule.rule.l4 else {
            continue;
        };
        let Some((narrow, wide)) = contained(terms) else {
            continue;
        };
        findings.report(
            format!("`{narrow}` is part of `{wide}`"),
            context.place(&rule.rule.origin),
            "says the same twice",
            |diagnostic| diagnostic.with_help(format!("leave out `{narrow}`")),
        );
    }
}

/// A term that another one covers, and that one.
fn contained(terms: &[L4Term]) -> Option<(L4Term, L4Term)> {
    let ranges = |term: &L4Term| ranges_of(&L4Match::Of(vec![term.clone()]));
    let sure = |term: &L4Term| sure_ranges_of(&L4Match::Of(vec![term.clone()]));
    terms.iter().enumerate().find_map(|(position, narrow)| {
        let others = terms
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != position);
        let wide = others
            .filter(|(other, wide)| *wide != narrow || *other < position)
            .find(|(_, wide)| rules::covers(&sure(wide), &ranges(narrow)));
        wide.map(|(_, wide)| (narrow.clone(), wide.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn a_port_inside_a_range_is_said_twice() {
        let source = "policy a for {} { ingress {
allow from cluster on tcp 80 | tcp 80..90
allow from cluster on tcp 100 | udp 100..110
allow from cluster on icmp 8/0 | icmp
allow from cluster on tcp 80 | tcp \"http\" | udp 80..90 | udp \"http\"
allow from cluster on tcp \"http\" | tcp
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: `tcp 80` is part of `tcp 80..90`",
                "4: `icmp 8/0` is part of `icmp`",
                "6: `tcp \"http\"` is part of `tcp`"
            ]
        );
    }
}
