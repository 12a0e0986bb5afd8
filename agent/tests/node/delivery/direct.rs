//! `--delivery direct`: past the stack to other machines and from them, as policy says.

use std::process::Command;

use polc_model::{
    Direction::{Egress, Ingress},
    Entity, SelectorExpr,
};
use polc_testbed::{Outcome, Tap};

use super::{SILENCE, both, ip, routed, run, stack};
use crate::{
    package::{Package, cidr, tcp, udp},
    scene::{OUTSIDE, Scene},
};

/// web may ask the host outside at port 443, and is asked by it at 80; it rejects 81.
fn policy() -> Vec<u8> {
    let world = || SelectorExpr::Entity(Entity::World);
    Package::new()
        .policy("web", "web", &[Ingress, Egress])
        .allow(Egress, cidr("192.0.2.0/24"), tcp(443))
        .allow(Egress, cidr("2001:db8::/64"), tcp(443))
        .allow(Egress, world(), udp(53))
        .allow(Ingress, world(), tcp(80))
        .reject(Ingress, world(), tcp(81))
        .reject(Ingress, world(), udp(81))
        .compile()
}

fn direct(test: &str) -> Option<Scene> {
    let mut scene = Scene::new(test)?;
    scene.run_with(&["--delivery", "direct"]);
    scene.write("start.polb", &policy());
    scene.start();
    Some(scene)
}

#[test]
fn the_world_is_reached_and_reaches_without_the_stack() {
    let Some(scene) = direct("outside") else {
        return;
    };
    let (web, outside) = (scene.pod("web"), scene.testbed.outside().unwrap());
    let _servers = [
        outside.serve_tcp(443).unwrap(),
        web.serve_tcp(80).unwrap(),
        web.serve_udp(81).unwrap(),
    ];
    let denied = [outside.serve_tcp(444).unwrap(), web.serve_tcp(82).unwrap()];
    let before = routed(&scene);
    for address in both(outside) {
        assert_eq!(web.connect_tcp(address, 443).unwrap(), Outcome::Reached);
        assert_eq!(web.connect_tcp(address, 444).unwrap(), Outcome::Blocked);
        // An ICMP error about an allowed flow.
        assert_eq!(web.send_udp(address, 53).unwrap(), Outcome::Refused);
    }
    for address in both(web) {
        assert_eq!(outside.connect_tcp(address, 80).unwrap(), Outcome::Reached);
        assert_eq!(outside.connect_tcp(address, 82).unwrap(), Outcome::Blocked);
        assert_eq!(outside.connect_tcp(address, 81).unwrap(), Outcome::Refused);
        assert_eq!(outside.send_udp(address, 81).unwrap(), Outcome::Prohibited);
    }
    assert_eq!(denied.map(|server| server.served()), [0, 0]);
    assert_eq!(routed(&scene), before);
}

#[test]
fn what_cannot_leave_is_answered_by_the_stack() {
    let Some(scene) = direct("leaving") else {
        return;
    };
    ip(scene.testbed.node(), "link set uplink0 mtu 1300");
    let (web, outside) = (scene.pod("web"), scene.testbed.outside().unwrap());
    let server = outside.serve_udp(53).unwrap();
    let tap = web.run(|| Tap::open("eth0").unwrap()).unwrap();
    let answers = [([11, 0], [3, 4]), ([3, 0], [2, 0])];
    for (address, (exceeded, too_big)) in both(outside).into_iter().zip(answers) {
        let socket = stack::socket(web, address, 53);
        stack::set_hops(&socket, address, 1);
        socket.send(b"one").unwrap();
        assert_eq!(stack::errors(&tap.frames(SILENCE).unwrap()), [exceeded]);
        stack::set_hops(&socket, address, 64);
        socket.send(&[7; 1400]).unwrap();
        assert_eq!(stack::errors(&tap.frames(SILENCE).unwrap()), [too_big]);
    }
    assert_eq!(server.served(), 0);
}

#[test]
fn what_the_node_has_translated_stays_in_the_stack() {
    if Command::new("nft").arg("--version").output().is_err() {
        eprintln!("skipped: node-port: `nft` is missing (package nftables)");
        return;
    }
    let Some(scene) = direct("node-port") else {
        return;
    };
    let rules = "table ip ports {
        chain nat {
            type nat hook prerouting priority -100
            ip daddr 10.244.0.1 tcp dport 8080 dnat to 10.244.0.11:80
        }
        chain filter {
            type filter hook forward priority 0
            ct state invalid drop
        }
    }";
    run(scene.testbed.node(), "nft", &[rules]);
    let (web, outside) = (scene.pod("web"), scene.testbed.outside().unwrap());
    let _server = web.serve_tcp(80).unwrap();
    for _ in 0..3 {
        let node = "10.244.0.1".parse().unwrap();
        assert_eq!(outside.connect_tcp(node, 8080).unwrap(), Outcome::Reached);
        let web = web.v4().unwrap();
        assert_eq!(outside.connect_tcp(web, 80).unwrap(), Outcome::Reached);
    }
}

#[test]
fn nobody_outside_can_speak_for_the_node_or_its_endpoints_to_an_endpoint() {
    use polc_testbed::Frame;
    let Some(scene) = direct("direct-spoof") else {
        return;
    };
    let (web, api) = (scene.pod("web"), scene.pod("api"));
    let outside = scene.testbed.outside().unwrap();
    let tap = web.run(|| Tap::open("eth0").unwrap()).unwrap();
    let to = (web.v4().unwrap(), 80);
    let before = scene.drops("spoofed_source");
    for from in [api.v4().unwrap(), "10.244.0.1".parse().unwrap()] {
        outside.inject(&Frame::tcp((from, 4000), to, 2)).unwrap();
    }
    assert_eq!(scene.drops("spoofed_source"), before + 2);
    // To another station of the link: no router takes it.
    let from = (OUTSIDE[0].parse().unwrap(), 4001);
    let stray = Frame::tcp(from, to, 2).to_station([2, 9, 9, 9, 9, 9]);
    outside.inject(&stray).unwrap();
    let is_ip = |frame: &&Vec<u8>| frame[12..14] == [0x08, 0x00];
    assert_eq!(tap.frames(SILENCE).unwrap().iter().filter(is_ip).count(), 0);
    outside.inject(&Frame::tcp(from, to, 2)).unwrap();
    assert_eq!(tap.frames(SILENCE).unwrap().iter().filter(is_ip).count(), 1);
}
