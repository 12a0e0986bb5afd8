//! A port that is for administrators or for data, open to the whole world.

use polc_diagnostics::{Code, Level};
use polc_model::{Direction, L4Match, L4Term, PortProtocol, PortRange};

use crate::{Context, Findings, Lint, lints::reaches_world, rules};

pub(crate) const LINT: Lint = Lint {
    name: "sensitive_port_open",
    code: Code::SensitivePortOpen,
    level: Level::Warn,
    check,
};

/// TCP ports that are not for strangers, by what listens there as a rule.
const PORTS: [(u16, &str); 19] = [
    (22, "ssh"),
    (23, "telnet"),
    (445, "smb"),
    (1433, "sql server"),
    (2375, "docker"),
    (2379, "etcd"),
    (2380, "etcd"),
    (3306, "mysql"),
    (3389, "remote desktop"),
    (5432, "postgres"),
    (5900, "vnc"),
    (6379, "redis"),
    (6443, "the kubernetes api"),
    (9042, "cassandra"),
    (9200, "elasticsearch"),
    (10250, "the kubelet"),
    (11211, "memcached"),
    (15672, "rabbitmq"),
    (27017, "mongodb"),
];

/// A range wider than this was not written for what is in it; `wide_port_range` is about those.
const WIDEST: u16 = 1024;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for allow in rules::allows(context, Direction::Ingress) {
        let Some((port, what)) = sensitive(&allow.rule.l4).filter(|_| reaches_world(allow.peer))
        else {
            continue;
        };
        findings.report(
            format!("port {port} ({what}) is open to the whole world"),
            context.place(&allow.rule.origin),
            "from anywhere",
            |diagnostic| diagnostic.with_help("name the addresses that need it, in a `cidr`"),
        );
    }
}

fn sensitive(l4: &L4Match) -> Option<(u16, &'static str)> {
    let L4Match::Of(terms) = l4 else { return None };
    terms.iter().find_map(|term| match term {
        L4Term::Ports {
            protocol: PortProtocol::Tcp,
            ports: PortRange { first, last },
        } if last - first <= WIDEST => PORTS
            .iter()
            .copied()
            .find(|(port, _)| first <= port && port <= last),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::findings;

    #[test]
    fn databases_and_shells_are_not_for_the_world() {
        let source = "policy a for {} { ingress {
allow from world on tcp 443 | tcp 6370..6380
allow from all on tcp 22
allow from 10.0.0.0/8 on tcp 22
allow from world on udp 22
} }
";
        assert_eq!(
            findings(&LINT, source),
            [
                "2: port 6379 (redis) is open to the whole world",
                "3: port 22 (ssh) is open to the whole world",
            ]
        );
    }
}
