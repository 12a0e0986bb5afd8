//! Ingress from the whole world to every port.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, L4Match};

use crate::{Context, Findings, Lint, lints::reaches_world, rules};

pub(crate) const LINT: Lint = Lint {
    name: "world_open",
    code: Code::WorldOpen,
    level: Level::Warn,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for allow in rules::allows(context, Direction::Ingress) {
        if allow.rule.l4 != L4Match::Any || !reaches_world(allow.peer) {
            continue;
        }
        findings.report(
            "every port is open to the whole world",
            context.place(&allow.rule.origin),
            "from anywhere, to any port",
            |diagnostic| diagnostic.with_help("say which ports: `on tcp 443`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn a_rule_without_ports_for_everyone_is_open() {
        let source = "policy a for {} { ingress {
allow from world
allow from all - 10.0.0.0/8
allow from world on tcp 443
allow from cluster
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: every port is open to the whole world",
                "3: every port is open to the whole world",
            ]
        );
    }

    #[test]
    fn all_includes_the_world() {
        let source = "policy a for {} { ingress { allow from all } }\n";
        assert_eq!(
            findings(&LINT, source),
            ["1: every port is open to the whole world"]
        );
    }
}
