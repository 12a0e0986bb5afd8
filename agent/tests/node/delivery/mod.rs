//! From endpoint to endpoint past the node's stack, and through it where that must be.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test: a panic is its way to fail"
)]

mod direct;
mod frames;
mod links;
mod nodes;
mod past_stack;
mod stack;
mod translated;

use std::{
    fs,
    net::IpAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use polc_model::{Direction, L4Match};
use polc_testbed::{Host, Namespace};

use crate::{
    package::{Package, icmp, labelled, tcp, udp},
    scene::Scene,
};

/// How long a tap waits for one more frame.
const SILENCE: Duration = Duration::from_millis(150);

/// db takes tcp 5432, udp 53 and ping from api; web may only talk to api.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), tcp(5432))
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .allow(Direction::Ingress, labelled("api"), icmp())
        .policy("web", "web", &[Direction::Egress])
        .allow(Direction::Egress, labelled("api"), L4Match::Any)
        .compile()
}

/// Everybody may do everything.
fn open() -> Vec<u8> {
    Package::new().compile()
}

fn both(host: &Host) -> [IpAddr; 2] {
    [host.v4().unwrap(), host.v6().unwrap()]
}

/// Runs `ip` with these words in a namespace.
fn ip(namespace: &Namespace, words: &str) {
    run(
        namespace,
        "ip",
        &words.split_whitespace().collect::<Vec<_>>(),
    );
}

fn run(namespace: &Namespace, command: &str, arguments: &[&str]) {
    let run = || Command::new(command).args(arguments).output();
    let output = namespace.run(run).unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} {arguments:?}: {said}");
}

/// The node routes nothing any more.
fn stop_routing(scene: &Scene) {
    let stop = || {
        for sysctl in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            fs::write(format!("/proc/sys/net/{sysctl}"), "0").unwrap();
        }
    };
    scene.testbed.in_node(stop).unwrap();
}

/// Packets of both families that the node has routed so far.
fn routed(scene: &Scene) -> u64 {
    let read = || {
        let of = |file| fs::read_to_string(format!("/proc/thread-self/net/{file}")).unwrap();
        let snmp = of("snmp");
        let lines: Vec<_> = snmp
            .lines()
            .filter(|line| line.starts_with("Ip:"))
            .collect();
        let column = lines[0].split(' ').position(|name| name == "ForwDatagrams");
        let v4: u64 = lines[1]
            .split(' ')
            .nth(column.unwrap())
            .unwrap()
            .parse()
            .unwrap();
        let v6 = of("snmp6");
        let v6 = v6
            .lines()
            .find_map(|line| line.strip_prefix("Ip6OutForwDatagrams"));
        let v6: u64 = v6.unwrap().trim().parse().unwrap();
        v4 + v6
    };
    scene.testbed.in_node(read).unwrap()
}

/// Waits until the agent has put something else in force than this epoch.
fn wait_for_change(scene: &Scene, epoch: u32) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.status().epoch == epoch {
        assert!(Instant::now() < deadline, "nothing changed");
        thread::sleep(Duration::from_millis(20));
    }
}
