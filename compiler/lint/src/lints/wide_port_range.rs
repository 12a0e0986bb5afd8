//! Ingress from the whole world to thousands of ports.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, L4Match, L4Term, PortRange};

use crate::{Context, Findings, Lint, lints::reaches_world, rules};

pub(crate) const LINT: Lint = Lint {
    name: "wide_port_range",
    code: Code::WidePortRange,
    level: Level::Warn,
    check,
};

/// More ports than any one service listens on.
const MANY: u16 = 1024;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for allow in rules::allows(context, Direction::Ingress) {
        let L4Match::Of(terms) = &allow.rule.l4 else {
            continue;
        };
        let wide = terms.iter().find(|term| match term {
            L4Term::Ports {
                ports: PortRange { first, last },
                ..
            } => last - first > MANY,
            L4Term::NamedPort { .. } | L4Term::Icmp { .. } | L4Term::Protocol(_) => false,
        });
        let Some(term) = wide.filter(|_| reaches_world(allow.peer)) else {
            continue;
        };
        findings.report(
            format!("`{term}` opens thousands of ports to the whole world"),
            context.place(&allow.rule.origin),
            "from anywhere",
            |diagnostic| diagnostic.with_help("name the ports that something listens on"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn thousands_of_ports_are_too_many_for_the_world() {
        let source = "policy a for {} { ingress {
allow from world on tcp 1000..9000
allow from world on udp
allow from world on tcp 8000..8080
allow from cluster on tcp
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: `tcp 1000..9000` opens thousands of ports to the whole world",
                "3: `udp` opens thousands of ports to the whole world",
            ]
        );
    }
}
