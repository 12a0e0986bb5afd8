//! The node as the subject of policies: what it gets and sends itself.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, TcpStream},
    process::Command,
    time::Duration,
};

use polc_model::{Direction, Entity, SelectorExpr};
use polc_testbed::{Host, Outcome};

use crate::{
    explain::explain,
    package::{Package, cidr, icmp, labelled, tcp, udp},
    scene::{OUTSIDE, Scene, text},
};

const BOTH: [Direction; 2] = Direction::BOTH;

fn host() -> SelectorExpr {
    SelectorExpr::Entity(Entity::Host)
}

/// The host outside, at both of its addresses.
fn outside() -> SelectorExpr {
    SelectorExpr::AnyOf(
        OUTSIDE
            .map(|address| {
                let length = if address.contains(':') { 128 } else { 32 };
                cidr(&format!("{address}/{length}"))
            })
            .to_vec(),
    )
}

/// The node serves port 22 to whom is outside and 10250 to api, and asks outside at port 443.
fn node() -> Package {
    Package::new()
        .policy_for("node", host(), &BOTH)
        .allow(Direction::Ingress, outside(), tcp(22))
        .allow(Direction::Ingress, outside(), icmp())
        .allow(Direction::Ingress, labelled("api"), tcp(10250))
        .allow(Direction::Egress, outside(), tcp(443))
        .allow(Direction::Egress, outside(), udp(53))
}

fn nobody() -> Vec<u8> {
    Package::new().compile()
}

fn connect(from: &Host, to: IpAddr, port: u16) -> Outcome {
    from.connect_tcp(to, port).unwrap()
}

fn talk(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"still there?")?;
    stream.read_exact(&mut [0; 12])
}

/// Both families.
fn addresses(host: &Host) -> [IpAddr; 2] {
    [host.v4().unwrap(), host.v6().unwrap()]
}

#[test]
fn what_the_node_gets_and_sends_is_judged_and_nothing_else() {
    let Some(scene) = Scene::enforcing("host", &node().compile()) else {
        return;
    };
    let (node, outside) = (scene.testbed.node_host(), scene.testbed.outside().unwrap());
    let api = scene.pod("api");
    let _servers = [
        node.serve_tcp(22).unwrap(),
        node.serve_tcp(23).unwrap(),
        outside.serve_tcp(443).unwrap(),
        outside.serve_tcp(80).unwrap(),
        api.serve_tcp(80).unwrap(),
    ];
    let _names = outside.serve_udp(53).unwrap();
    for (own, other, pod) in [
        (node.v4(), outside.v4(), api.v4()),
        (node.v6(), outside.v6(), api.v6()),
    ]
    .map(|(own, other, pod)| (own.unwrap(), other.unwrap(), pod.unwrap()))
    {
        assert_eq!(connect(outside, own, 22), Outcome::Reached, "{own}");
        assert_eq!(connect(outside, own, 23), Outcome::Blocked, "{own}");
        assert_eq!(outside.ping(own).unwrap(), Outcome::Reached, "{own}");
        assert_eq!(connect(node, other, 443), Outcome::Reached, "{other}");
        assert_eq!(connect(node, other, 80), Outcome::Blocked, "{other}");
        assert_eq!(
            node.send_udp(other, 53).unwrap(),
            Outcome::Reached,
            "{other}"
        );
        // Who sends it may be told at once.
        assert_ne!(node.ping(other).ok(), Some(Outcome::Reached), "{other}");
        // What goes through it is not the node's.
        assert_eq!(connect(outside, pod, 80), Outcome::Reached, "{pod}");
        assert_eq!(connect(api, other, 80), Outcome::Reached, "{other}");
    }
    let flows = scene.flows();
    let dropped = |hook: &str| {
        flows
            .iter()
            .any(|flow| flow.hook == hook && flow.reason.as_deref() == Some("policy"))
    };
    assert!(dropped("to_node") && dropped("from_node"), "{flows:?}");
}

/// Of what is over, the agent remembers what it meant, and not what the maps held.
#[test]
fn what_the_node_dropped_is_explained_when_it_is_long_over() {
    let Some(scene) = Scene::enforcing("host-then", &node().compile()) else {
        return;
    };
    let own = addresses(scene.testbed.node_host())[0];
    assert_eq!(
        connect(scene.testbed.outside().unwrap(), own, 23),
        Outcome::Blocked
    );
    let flows = scene.flows();
    let dropped = flows.iter().find(|flow| flow.hook == "to_node").unwrap();
    for bundle in [nobody(), node_only(), nobody(), node_only(), nobody()] {
        scene.apply(&bundle);
    }
    let explanation = explain(&scene, &[&dropped.id.to_string()]);
    assert_eq!(explanation.epoch, dropped.epoch);
    assert_eq!(explanation.verdict, "denied", "{explanation:#?}");
    let [ingress] = &explanation.sides[..] else {
        panic!("{explanation:#?}")
    };
    assert_eq!(Some(&ingress.decider), dropped.decider.as_ref());
}

#[test]
fn endpoints_reach_their_node_where_both_policies_let_them() {
    let bundle = node()
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, host(), tcp(22))
        .compile();
    let Some(scene) = Scene::enforcing("host-pods", &bundle) else {
        return;
    };
    let node = scene.testbed.node_host();
    let _servers = [22, 23, 10250].map(|port| node.serve_tcp(port).unwrap());
    let at = |pod: &str, port| {
        let reached = addresses(node).map(|to| connect(scene.pod(pod), to, port));
        assert_eq!(reached[0], reached[1]);
        reached[0]
    };
    assert_eq!(at("api", 10250), Outcome::Reached);
    // The node's policy denies it.
    assert_eq!(at("api", 22), Outcome::Blocked);
    // The node's would, and web's does.
    assert_eq!(at("web", 10250), Outcome::Blocked);
    // Web's policy allows it, and the node's denies it.
    assert_eq!(at("web", 22), Outcome::Blocked);
    // Probes: the node reaches its endpoints, whatever it may send.
    let _server = scene.pod("db").serve_tcp(8080).unwrap();
    for db in addresses(scene.pod("db")) {
        assert_eq!(connect(node, db, 8080), Outcome::Reached);
    }
    // Both ends are said to have judged.
    let explained = scene.ask(
        "explain",
        &["--from", "shop/web", "--to", "node-1", "--port", "tcp/22"],
    );
    let said = text(&explained.stdout);
    assert!(said.contains("egress of shop/web\n  allowed"), "{said}");
    assert!(said.contains("ingress of node-1\n  denied"), "{said}");
}

#[test]
fn where_access_is_restricted_the_node_needs_both_policies_too() {
    let bundle = node()
        .allow(Direction::Egress, labelled("api"), tcp(8080))
        .restrict_host_access()
        .compile();
    let Some(scene) = Scene::enforcing("host-restricted", &bundle) else {
        return;
    };
    let node = scene.testbed.node_host();
    let _servers = ["api", "db"].map(|pod| scene.pod(pod).serve_tcp(8080).unwrap());
    for [api, db] in [
        [scene.pod("api").v4(), scene.pod("db").v4()],
        [scene.pod("api").v6(), scene.pod("db").v6()],
    ] {
        assert_eq!(connect(node, api.unwrap(), 8080), Outcome::Reached);
        assert_eq!(connect(node, db.unwrap(), 8080), Outcome::Blocked);
    }
}

#[test]
fn connections_that_the_node_has_live_on_where_policy_allows_them() {
    let Some(scene) = Scene::enforcing("host-live", &nobody()) else {
        return;
    };
    let (node, outside) = (scene.testbed.node_host(), scene.testbed.outside().unwrap());
    let _servers = [
        node.serve_tcp(22).unwrap(),
        node.serve_tcp(23).unwrap(),
        node.serve_tcp(10250).unwrap(),
        outside.serve_tcp(443).unwrap(),
        outside.serve_tcp(80).unwrap(),
    ];
    let [own, own_v6] = addresses(node);
    let other = outside.v4().unwrap();
    let stay = [
        outside.open_tcp(own, 22).unwrap(),
        outside.open_tcp(own_v6, 22).unwrap(),
        node.open_tcp(other, 443).unwrap(),
        scene.pod("api").open_tcp(own, 10250).unwrap(),
    ];
    let go = [
        outside.open_tcp(own, 23).unwrap(),
        node.open_tcp(other, 80).unwrap(),
        scene.pod("db").open_tcp(own, 10250).unwrap(),
    ];
    for stream in stay.iter().chain(&go) {
        talk(stream).unwrap();
    }
    scene.apply(&node_only());
    for stream in &stay {
        talk(stream).unwrap();
    }
    for stream in &go {
        assert!(talk(stream).is_err(), "{stream:?}");
    }
    // And when no policy applies to the node any more, nothing is in its way.
    scene.apply(&nobody());
    assert_eq!(connect(outside, own, 23), Outcome::Reached);
    for stream in &stay {
        talk(stream).unwrap();
    }
}

fn node_only() -> Vec<u8> {
    node().compile()
}

/// Masquerading: what endpoints send leaves with the node's address, and the answers are for them.
#[test]
fn what_wears_the_nodes_address_is_not_the_nodes() {
    if Command::new("nft").arg("--version").output().is_err() {
        eprintln!("skipped: host-translated: `nft` is missing (package nftables)");
        return;
    }
    let Some(scene) = Scene::enforcing("host-translated", &nobody()) else {
        return;
    };
    let (node, outside) = (scene.testbed.node_host(), scene.testbed.outside().unwrap());
    let rules = "table ip nat { chain post { type nat hook postrouting priority 100; \
                 oifname \"uplink0\" snat to 10.244.0.1; }; }";
    let done = node
        .run(|| Command::new("nft").arg(rules).status())
        .unwrap();
    assert!(done.unwrap().success());
    let _servers = [
        outside.serve_tcp(80).unwrap(),
        outside.serve_tcp(443).unwrap(),
    ];
    let _names = outside.serve_udp(80).unwrap();
    let (api, other) = (scene.pod("api"), outside.v4().unwrap());
    let before = api.open_tcp(other, 80).unwrap();
    talk(&before).unwrap();

    scene.apply(&node_only());
    talk(&before).unwrap();
    assert_eq!(connect(api, other, 80), Outcome::Reached);
    assert_eq!(api.send_udp(other, 80).unwrap(), Outcome::Reached);
    assert_eq!(api.ping(other).unwrap(), Outcome::Reached);
    // Also when policy changes while they live.
    let live = api.open_tcp(other, 80).unwrap();
    talk(&live).unwrap();
    scene.apply(&with_another_port());
    talk(&live).unwrap();
    talk(&before).unwrap();
    // What the node sends itself is still its own, and so is what nobody asked for.
    assert_eq!(connect(node, other, 80), Outcome::Blocked);
    let port = live.local_addr().unwrap().port();
    assert_eq!(connect(outside, node.v4().unwrap(), port), Outcome::Blocked);
}

fn with_another_port() -> Vec<u8> {
    node()
        .allow(Direction::Ingress, outside(), tcp(24))
        .compile()
}

#[test]
fn what_the_node_rejects_is_answered() {
    let bundle = Package::new()
        .policy_for("node", host(), &BOTH)
        .allow(Direction::Ingress, outside(), tcp(22))
        .reject(Direction::Ingress, outside(), tcp(23))
        .reject(Direction::Ingress, labelled("api"), tcp(23))
        .reject(Direction::Egress, outside(), tcp(80))
        .reject(Direction::Egress, outside(), udp(80))
        .compile();
    let Some(scene) = Scene::enforcing("host-reject", &bundle) else {
        return;
    };
    let (node, outside) = (scene.testbed.node_host(), scene.testbed.outside().unwrap());
    for (own, other) in [(node.v4(), outside.v4()), (node.v6(), outside.v6())] {
        let (own, other) = (own.unwrap(), other.unwrap());
        assert_eq!(connect(outside, own, 23), Outcome::Refused, "{own}");
        assert_eq!(
            connect(scene.pod("api"), own, 23),
            Outcome::Refused,
            "{own}"
        );
        assert_eq!(connect(node, other, 80), Outcome::Refused, "{other}");
        assert_eq!(
            node.send_udp(other, 80).unwrap(),
            Outcome::Prohibited,
            "{other}"
        );
        assert_eq!(connect(node, other, 81), Outcome::Blocked, "{other}");
    }
}
