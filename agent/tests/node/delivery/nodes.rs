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
fn nodes(test: &str, uplink: &str, connect: impl Fn(&Scene, &Scene)) -> Option<[Scene; 2]> {
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
        scene.start();
    }
    Some([one, two])
}

fn check(one: &Scene, two: &Scene) {
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
    // Between the endpoints of one node nothing is routed.
    super::stop_routing(one);
    for address in both(api) {
        assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Reached);
    }
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

#[test]
fn endpoints_of_two_nodes_reach_each_other_as_policy_says() {
    let connected = nodes("uplink", "uplink0", |one, two| {
        ip(
            one.testbed.node(),
            "route add 10.244.2.0/24 via 192.168.9.2",
        );
        ip(one.testbed.node(), "route add fd00:2::/64 via fd09::2");
        ip(
            two.testbed.node(),
            "route add 10.244.1.0/24 via 192.168.9.1",
        );
        ip(two.testbed.node(), "route add fd00:1::/64 via fd09::1");
    });
    if let Some([one, two]) = connected {
        check(&one, &two);
    }
}

#[test]
fn vxlan_is_an_uplink_like_any_other() {
    let connected = nodes("vxlan", "vx0, uplink0", |one, two| {
        for (scene, own, other) in [(one, 1, 2), (two, 2, 1)] {
            let node = scene.testbed.node();
            ip(
                node,
                &format!(
                    "link add vx0 type vxlan id 7 local 192.168.9.{own} remote 192.168.9.{other} \
                     dstport 4789 dev uplink0"
                ),
            );
            ip(node, &format!("address add 192.168.10.{own}/24 dev vx0"));
            ip(node, &format!("address add fd10::{own}/64 dev vx0 nodad"));
            ip(node, "link set vx0 up");
            ip(
                node,
                &format!("route add 10.244.{other}.0/24 via 192.168.10.{other}"),
            );
            ip(
                node,
                &format!("route add fd00:{other}::/64 via fd10::{other}"),
            );
        }
    });
    if let Some([one, two]) = connected {
        check(&one, &two);
    }
}
