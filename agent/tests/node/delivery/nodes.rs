//! Two nodes with an agent each: what leaves a node is routed, over a plain uplink and over VXLAN.

use polc_model::Direction;
use polc_testbed::{Host, Outcome};

use super::{both, ip};
use crate::{
    package::{Package, labelled, tcp, udp},
    scene::Scene,
};

/// An inventory of the node with this number: its own endpoints have interfaces.
fn inventory(own: u8, uplinks: &str) -> String {
    let endpoint = |app: &str, node: u8, last: u8| {
        let interface = if node == own {
            format!("interface: veth-{app}, ")
        } else {
            String::new()
        };
        format!(
            "- {{ name: {app}, namespace: shop, labels: {{ app: {app} }}, {interface}\
             addresses: [10.244.{node}.{last}, 'fd00:{node}::{last}'] }}\n"
        )
    };
    let other = 3 - own;
    format!(
        "node: {{ name: node-{own}, addresses: [10.244.{own}.1, 'fd00:{own}::1'], \
         uplinks: [{uplinks}] }}\n\
         endpoints:\n{}{}{}\
         remote_nodes:\n- {{ name: node-{other}, addresses: [10.244.{other}.1] }}\n",
        endpoint("api", 1, 12),
        endpoint("db", 2, 13),
        endpoint("web", 1, 11),
    )
}

/// db takes tcp 5432 and udp 53 from api alone, and api may not be asked by db.
fn policy() -> Vec<u8> {
    Package::new()
        .policy("api", "api", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("web"), tcp(80))
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .compile()
}

/// Both nodes, linked, with agents that know of `uplink`.
fn nodes(
    test: &str,
    delivery: &str,
    uplink: &str,
    connect: impl Fn(&Scene, &Scene),
) -> Option<[Scene; 2]> {
    let [mut one, mut two] = [
        Scene::alone(&format!("{test}-1"), &inventory(1, ""))?,
        Scene::alone(&format!("{test}-2"), &inventory(2, ""))?,
    ];
    let (first, second) = (one.testbed.node(), two.testbed.node());
    let link = "link add uplink0 type veth peer name uplink0 netns";
    ip(first, &format!("{link} {}", second.name()));
    for (node, own) in [(first, 1), (second, 2)] {
        ip(node, &format!("address add 192.168.9.{own}/24 dev uplink0"));
        ip(
            node,
            &format!("address add fd09::{own}/64 dev uplink0 nodad"),
        );
        ip(node, "link set uplink0 up");
    }
    connect(&one, &two);
    for (scene, own) in [(&mut one, 1), (&mut two, 2)] {
        scene.write("inventory.yaml", inventory(own, uplink).as_bytes());
        scene.write("start.polb", &policy());
        scene.run_with(&["--delivery", delivery]);
        scene.start();
    }
    Some([one, two])
}

/// Between two nodes policy is the same whichever way packets take. How many of them both nodes' stacks
/// have routed meanwhile.
fn check([one, two]: &[Scene; 2]) -> u64 {
    let before = super::routed(one) + super::routed(two);
    let (api, web, db) = (one.pod("api"), one.pod("web"), two.pod("db"));
    let _servers = [
        db.serve_tcp(5432).unwrap(),
        db.serve_udp(53).unwrap(),
        api.serve_tcp(80).unwrap(),
    ];
    let denied = [db.serve_tcp(5433).unwrap(), db.serve_udp(54).unwrap()];
    for address in both(db) {
        assert_eq!(api.connect_tcp(address, 5432).unwrap(), Outcome::Reached);
        assert_eq!(api.send_udp(address, 53).unwrap(), Outcome::Reached);
        assert_eq!(api.connect_tcp(address, 5433).unwrap(), Outcome::Blocked);
        assert_eq!(api.send_udp(address, 54).unwrap(), Outcome::Blocked);
        assert_eq!(web.connect_tcp(address, 5432).unwrap(), Outcome::Blocked);
        // More than a packet's worth, so that segments and pieces are on the way too.
        assert_eq!(echo_large(api, address), 200_000, "{address}");
    }
    for address in both(api) {
        assert_eq!(db.connect_tcp(address, 80).unwrap(), Outcome::Blocked);
        assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Reached);
    }
    assert_eq!(denied.map(|server| server.served()), [0, 0]);
    let by_stacks = super::routed(one) + super::routed(two) - before;
    // Between the endpoints of one node nothing is routed.
    super::stop_routing(one);
    for address in both(api) {
        assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Reached);
    }
    by_stacks
}

/// Sends so much over one connection and counts what comes back.
fn echo_large(from: &Host, to: std::net::IpAddr) -> usize {
    use std::io::{Read as _, Write as _};
    let stream = from.open_tcp(to, 5432).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sent = std::thread::spawn(move || writer.write_all(&vec![1; 200_000]).is_ok());
    let mut reader = &stream;
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    while received < 200_000 {
        match reader.read(&mut buffer) {
            Ok(length) if length > 0 => received += length,
            _ => break,
        }
    }
    assert!(sent.join().unwrap());
    received
}

fn plain(one: &Scene, two: &Scene) {
    let [one, two] = [one, two].map(|scene| scene.testbed.node());
    ip(one, "route add 10.244.2.0/24 via 192.168.9.2");
    ip(one, "route add fd00:2::/64 via fd09::2");
    ip(two, "route add 10.244.1.0/24 via 192.168.9.1");
    ip(two, "route add fd00:1::/64 via fd09::1");
}

fn vxlan(one: &Scene, two: &Scene) {
    for (scene, own, other) in [(one, 1, 2), (two, 2, 1)] {
        let node = scene.testbed.node();
        let ends = format!("local 192.168.9.{own} remote 192.168.9.{other}");
        ip(
            node,
            &format!("link add vx0 type vxlan id 7 {ends} dstport 4789 dev uplink0"),
        );
        ip(node, &format!("address add 192.168.10.{own}/24 dev vx0"));
        ip(node, &format!("address add fd10::{own}/64 dev vx0 nodad"));
        ip(node, "link set vx0 up");
        let v4 = format!("10.244.{other}.0/24 via 192.168.10.{other}");
        ip(node, &format!("route add {v4}"));
        ip(
            node,
            &format!("route add fd00:{other}::/64 via fd10::{other}"),
        );
    }
}

#[test]
fn endpoints_of_two_nodes_reach_each_other_as_policy_says() {
    if let Some(nodes) = nodes("uplink", "local", "uplink0", plain) {
        assert!(check(&nodes) > 0);
    }
}

#[test]
fn vxlan_is_an_uplink_like_any_other() {
    if let Some(nodes) = nodes("vxlan", "local", "vx0, uplink0", vxlan) {
        assert!(check(&nodes) > 0);
    }
}

#[test]
fn where_that_is_asked_for_the_stack_is_not_between_endpoints_and_the_uplink_either() {
    if let Some(nodes) = nodes("direct", "direct", "uplink0", plain) {
        assert_eq!(check(&nodes), 0);
    }
}

#[test]
fn nor_is_it_between_endpoints_and_vxlan() {
    if let Some(nodes) = nodes("direct-vxlan", "direct", "vx0, uplink0", vxlan) {
        // But for what is too large for the tunnel at first: its sender is told.
        let routed = check(&nodes);
        assert!(routed < 10, "{routed}");
    }
}
