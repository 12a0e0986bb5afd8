//! What is computed for whole sets is what the reference interpreter says of each packet.

use std::net::IpAddr;

use polc_cluster::Cluster;
use polc_frontend::Database;
use polc_model::{L4Packet, Model, PeerFacts, PortProtocol, Verdict};
use polc_plan::intervals::key_of;
use polc_reference::{Party, judge_flow};
use proptest::prelude::*;

use crate::{Connection, Connections, Peer, selection};

const CLUSTER: &str = "
apiVersion: v1
kind: List
items:
- { apiVersion: v1, kind: Namespace, metadata: { name: n, labels: { team: x } } }
- { apiVersion: v1, kind: Pod, metadata: { name: a, namespace: n, labels: { app: a } }, spec: { containers: [{ ports: [{ name: http, containerPort: 80 }] }] } }
- { apiVersion: v1, kind: Pod, metadata: { name: b, namespace: n, labels: { app: b } }, spec: { containers: [{ ports: [{ name: http, containerPort: 81 }] }] } }
- { apiVersion: v1, kind: Pod, metadata: { name: c, labels: { app: a } }, spec: {} }
- { apiVersion: v1, kind: Pod, metadata: { name: host, labels: { app: a } }, spec: { hostNetwork: true } }
";

const PACKETS: [L4Packet; 6] = [
    L4Packet::Port(PortProtocol::Tcp, 80),
    L4Packet::Port(PortProtocol::Tcp, 81),
    L4Packet::Port(PortProtocol::Tcp, 82),
    L4Packet::Port(PortProtocol::Udp, 80),
    L4Packet::Port(PortProtocol::Sctp, 1),
    L4Packet::Protocol(47),
];

const ADDRESSES: [&str; 4] = ["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1"];

fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn rule() -> impl Strategy<Value = (bool, String)> {
    let action = word(&["allow", "deny", "pass", "allow", "reject"]);
    let peer = word(&[
        "all",
        "{}",
        "{ app: \"a\" }",
        "{ app != \"a\" }",
        "{} in namespace \"n\"",
        "{} in namespace { team: \"x\" }",
        "world",
        "10.0.0.0/8",
        "10.0.0.0/8 - 10.1.0.0/16",
        "2001:db8::/32",
        "remote_node",
    ]);
    let ports = word(&[
        "",
        " on tcp",
        " on tcp 80",
        " on tcp 80..81 | udp 80",
        " on tcp \"http\"",
        " on protocol 47",
    ]);
    (any::<bool>(), action, peer, ports).prop_map(|(is_ingress, action, peer, ports)| {
        let word = if is_ingress { "from" } else { "to" };
        (is_ingress, format!("{action} {word} {peer}{ports}"))
    })
}

fn policy() -> impl Strategy<Value = String> {
    let subject = word(&[
        "{}",
        "{ app: \"a\" }",
        "{ app: \"b\" }",
        "{} in namespace \"n\"",
    ]);
    let tier = word(&["admin", "normal", "normal", "baseline"]);
    let rules = prop::collection::vec(rule(), 0..5);
    let covered = (any::<bool>(), any::<bool>());
    (subject, tier, 0..3u8, rules, covered).prop_map(|(subject, tier, priority, rules, covered)| {
        let block = |name: &str, is_ingress: bool, is_covered: bool| {
            let rules: Vec<&str> = rules
                .iter()
                .filter(|(of_ingress, _)| *of_ingress == is_ingress)
                .map(|(_, rule)| rule.as_str())
                .collect();
            match rules.is_empty() && (!is_covered || tier != "normal") {
                true => String::new(),
                false => format!("{name} {{ {} }} ", rules.join("; ")),
            }
        };
        let (ingress, egress) = (
            block("ingress", true, covered.0),
            block("egress", false, covered.1),
        );
        format!("for {subject} {{ tier {tier}; priority {priority}; {ingress}{egress} }}\n")
    })
}

fn model(policies: &[String]) -> Model {
    let mut text = "package t\n".to_owned();
    for (number, policy) in policies.iter().enumerate() {
        text.push_str(&format!("policy p{number} {policy}"));
    }
    let mut database = Database::default();
    database.set_file("a.pol", text.as_str());
    let analysis = database.analyze();
    assert!(
        !analysis.has_errors(),
        "{text}\n{:#?}",
        analysis.diagnostics
    );
    analysis.model
}

/// What connections say about a packet.
fn passes(
    connections: &Connections<'_>,
    source: &Peer,
    destination: &Peer,
    packet: L4Packet,
) -> bool {
    let is_it = |connection: &&Connection| {
        connections.peer(connection.source) == Some(source)
            && connections.peer(connection.destination) == Some(destination)
    };
    let connection = connections.connections.iter().find(is_it);
    connection.is_some_and(|one| connections.keys(one).contains(key_of(packet)))
}

/// The range with an address, as an end of connections in which it has the other end.
fn range_of(connections: &Connections<'_>, address: IpAddr, is_source: bool) -> Option<Peer> {
    let side = if is_source {
        &connections.ingress
    } else {
        &connections.egress
    };
    let mut peers = side.outside.iter().map(|outside| &outside.peer);
    let found = peers.find(|peer| {
        matches!(peer, Peer::Addresses(range) if range.first <= address && address <= range.last
            && range.first.is_ipv4() == address.is_ipv4())
    });
    found.cloned()
}

proptest! {
    #[test]
    fn sets_are_what_the_reference_says_of_packets(
        policies in prop::collection::vec(policy(), 0..5)
    ) {
        let model = model(&policies);
        let (cluster, diagnostics) = Cluster::read([("c.yaml", CLUSTER)]);
        prop_assert!(diagnostics.is_empty());
        let connections = Connections::of(&model, &cluster);
        let workloads: Vec<(Peer, Party<'_>)> = cluster.workloads.iter().map(|workload| {
            let facts = selection::facts(&cluster, workload);
            (Peer::Workload(workload.title()), Party { name: &workload.name, facts })
        }).collect();
        for (peer, party) in &workloads {
            for (other, other_party) in workloads.iter().filter(|(other, _)| other != peer) {
                for packet in PACKETS {
                    let expected = judge_flow(&model, party, other_party, packet).verdict();
                    let found = passes(&connections, peer, other, packet);
                    prop_assert_eq!(found, expected == Verdict::Allow, "{} {} {}", peer, other, packet);
                }
            }
            for address in ADDRESSES {
                let address: IpAddr = address.parse().unwrap();
                let outside = Party { name: "", facts: PeerFacts::world(address) };
                for packet in PACKETS {
                    // Addresses of IPv6 are left out where no policy names any.
                    if let Some(range) = range_of(&connections, address, true) {
                        let expected = judge_flow(&model, &outside, party, packet).verdict();
                        let found = passes(&connections, &range, peer, packet);
                        prop_assert_eq!(found, expected == Verdict::Allow, "{} {} {}", range, peer, packet);
                    }
                    if let Some(range) = range_of(&connections, address, false) {
                        let expected = judge_flow(&model, party, &outside, packet).verdict();
                        let found = passes(&connections, peer, &range, packet);
                        prop_assert_eq!(found, expected == Verdict::Allow, "{} {} {}", peer, range, packet);
                    }
                }
            }
        }
    }

    #[test]
    fn reasons_add_up_to_what_is_allowed(policies in prop::collection::vec(policy(), 0..5)) {
        let model = model(&policies);
        let (cluster, _) = Cluster::read([("c.yaml", CLUSTER)]);
        let connections = Connections::of(&model, &cluster);
        for connection in &connections.connections {
            let reasons = connections.reasons(connection.source, connection.destination);
            let mut all = crate::L4Set::all();
            for reason in &reasons {
                all = all.intersection(&crate::end::allowed(&reason.pieces));
            }
            prop_assert_eq!(connections.keys(connection), &all);
        }
    }
}
