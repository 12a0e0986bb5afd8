//! Egress to the whole world on every port.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, L4Match};

use crate::{Context, Findings, Lint, lints::reaches_world, rules};

pub(crate) const LINT: Lint = Lint {
    name: "unrestricted_egress",
    code: Code::UnrestrictedEgress,
    // Common, and for many workloads what is meant.
    level: Level::Allow,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for allow in rules::allows(context, Direction::Egress) {
        if allow.rule.l4 != L4Match::Any || !reaches_world(allow.peer) {
            continue;
        }
        findings.report(
            "everything may leave, to anywhere",
            context.place(&allow.rule.origin),
            "to any address and port",
            |diagnostic| diagnostic.with_help("say where to, or at least on which ports"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn only_the_whole_world_on_every_port_counts() {
        let source = "policy a for {} { egress {
allow to world
allow to world on tcp 443
allow to cluster
} }
";
        assert_eq!(
            findings(&LINT, source),
            ["2: everything may leave, to anywhere"]
        );
    }
}
