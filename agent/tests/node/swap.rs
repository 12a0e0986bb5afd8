//! Changing policy under traffic: no packet is judged by a mix of two policies, no allowed flow
//! loses a packet, and what becomes denied stops at its next packet.

use std::{
    net::{IpAddr, UdpSocket},
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use polc_model::Direction;
use polc_testbed::{Frame, Host};

use crate::{
    package::{Package, labelled, tcp, udp},
    scene::Scene,
};

const ALWAYS: u16 = 1000;
const HALF_A: u16 = 1001;
const HALF_B: u16 = 1002;
const SOMETIMES: u16 = 1003;
/// How often policy changes under load.
const SWAPS: u32 = 500;

/// Each of A and B lets one of the halves out of api and the other into db, so that neither
/// arrives, unless a packet leaves api by one policy and enters db by the other. `SOMETIMES` is
/// allowed by A alone.
fn bundle(out: u16, into: u16, others: &[u16]) -> Vec<u8> {
    let mut package = Package::new().policy("api", "api", &[Direction::Egress]);
    for port in [ALWAYS, out].iter().chain(others) {
        package = package.allow(Direction::Egress, labelled("db"), udp(*port));
    }
    package = package
        .allow(Direction::Egress, labelled("db"), tcp(ALWAYS))
        .policy("db", "db", &[Direction::Ingress]);
    for port in [ALWAYS, into].iter().chain(others) {
        package = package.allow(Direction::Ingress, labelled("api"), udp(*port));
    }
    package
        .allow(Direction::Ingress, labelled("api"), tcp(ALWAYS))
        .compile()
}

fn bundle_a() -> Vec<u8> {
    bundle(HALF_A, HALF_B, &[SOMETIMES])
}

fn bundle_b() -> Vec<u8> {
    bundle(HALF_B, HALF_A, &[])
}

/// A UDP socket in a pod, connected to a port.
fn socket(host: &Host, to: IpAddr, port: u16) -> UdpSocket {
    host.run(|| {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect((to, port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        socket
    })
    .unwrap()
}

/// Sends on old flows and new ones until told to stop. Returns how much.
fn flood(host: &Host, to: IpAddr, port: u16, stop: &AtomicBool) -> u64 {
    host.run(|| {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            let socket =
                UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
            for _ in 0..50 {
                // A full queue or an ICMP error is no news here.
                let _ = socket.send_to(b"never", (to, port));
                sent += 1;
            }
            thread::sleep(Duration::from_micros(200));
        }
        sent
    })
    .unwrap()
}

#[test]
fn five_hundred_swaps_mix_nothing_and_lose_nothing() {
    if let Some(scene) = Scene::enforcing("swap", &bundle_a()) {
        swap_many_times(&scene);
    }
}

/// Where a packet passes two hooks, and the policy may change in between.
#[test]
fn five_hundred_swaps_mix_nothing_and_lose_nothing_through_the_stack() {
    if let Some(scene) = Scene::routing("swap-routed", &bundle_a()) {
        swap_many_times(&scene);
    }
}

fn swap_many_times(scene: &Scene) {
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let always = db.serve_udp(ALWAYS).unwrap();
    let halves = [db.serve_udp(HALF_A).unwrap(), db.serve_udp(HALF_B).unwrap()];
    let _tcp = db.serve_tcp(ALWAYS).unwrap();
    let stop = AtomicBool::new(false);
    let (sent, answered) = (AtomicU64::new(0), AtomicU64::new(0));

    thread::scope(|scope| {
        let floods: Vec<_> = [db.v4().unwrap(), db.v6().unwrap()]
            .into_iter()
            .zip([HALF_A, HALF_B])
            .map(|(address, port)| {
                let stop = &stop;
                scope.spawn(move || flood(api, address, port, stop))
            })
            .collect();
        let (stop_flow, sent, answered) = (&stop, &sent, &answered);
        let flow = scope.spawn(move || {
            let socket = socket(api, db.v6().unwrap(), ALWAYS);
            let mut buffer = [0; 16];
            while !stop_flow.load(Ordering::Relaxed) {
                sent.fetch_add(1, Ordering::Relaxed);
                socket.send(b"always").unwrap();
                if socket.recv(&mut buffer).is_ok() {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let connection = scope.spawn(move || {
            let stream = api.open_tcp(db.v4().unwrap(), ALWAYS).unwrap();
            let mut slowest = Duration::ZERO;
            while !stop_flow.load(Ordering::Relaxed) {
                let start = Instant::now();
                exchange(&stream);
                slowest = slowest.max(start.elapsed());
            }
            slowest
        });
        let (a, b) = (bundle_a(), bundle_b());
        let start = Instant::now();
        for round in 0..SWAPS {
            scene.apply(if round % 2 == 0 { &b } else { &a });
        }
        eprintln!("{SWAPS} swaps in {:?}", start.elapsed());
        stop.store(true, Ordering::Relaxed);
        flow.join().unwrap();
        eprintln!(
            "slowest exchange over TCP: {:?}",
            connection.join().unwrap()
        );
        let flooded: u64 = floods.into_iter().map(|flood| flood.join().unwrap()).sum();
        eprintln!("{flooded} packets that no policy allows");
    });

    let (sent, answered) = (
        sent.load(Ordering::Relaxed),
        answered.load(Ordering::Relaxed),
    );
    eprintln!("{answered} of {sent} packets of an allowed flow answered");
    assert_eq!(
        halves.map(|server| server.served()),
        [0, 0],
        "packets judged by a mix"
    );
    assert_eq!(answered, sent, "lost packets of an allowed flow");
    assert_eq!(always.served(), sent);
    let status = scene.status();
    for drop in &status.drops {
        eprintln!("{}: {} packets", drop.name, drop.packets);
    }
}

#[test]
fn what_becomes_denied_stops_at_its_next_packet() {
    let Some(scene) = Scene::enforcing("stop", &bundle_a()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(SOMETIMES).unwrap();
    for address in [db.v4().unwrap(), db.v6().unwrap()] {
        let flow = socket(api, address, SOMETIMES);
        let mut buffer = [0; 16];
        for _ in 0..5 {
            flow.send(b"a").unwrap();
            flow.recv(&mut buffer).unwrap();
            scene.apply(&bundle_b());
            let served = server.served();
            flow.send(b"b").unwrap();
            thread::sleep(Duration::from_millis(50));
            assert_eq!(server.served(), served, "a packet after the switch");
            scene.apply(&bundle_a());
        }
    }
}

#[test]
fn a_denied_flow_is_denied_both_ways_and_lives_again_when_allowed() {
    let Some(scene) = Scene::enforcing("both-ways", &bundle_a()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let (to, from) = (db.v4().unwrap(), api.v4().unwrap());
    let server = db
        .run(|| UdpSocket::bind(("0.0.0.0", SOMETIMES)).unwrap())
        .unwrap();
    let client = socket(api, to, SOMETIMES);
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let back = (from, client.local_addr().unwrap().port());
    let mut buffer = [0; 16];
    client.send(b"a").unwrap();
    server.recv(&mut buffer).unwrap();
    server.send_to(b"b", back).unwrap();
    client.recv(&mut buffer).unwrap();

    scene.apply(&bundle_b());
    // db may send to api whatever it likes, but this would be the denied flow's answer.
    server.send_to(b"c", back).unwrap();
    assert!(client.recv(&mut buffer).is_err());

    scene.apply(&bundle_a());
    server.send_to(b"d", back).unwrap();
    client.recv(&mut buffer).unwrap();
    assert_eq!(buffer[0], b'd');
}

/// A packet that its sender's hook let go, and that the node could not deliver before policy changed
/// twice: nothing is left of the policy that it left by.
#[test]
fn a_packet_that_waits_through_two_changes_is_dropped() {
    let Some(scene) = Scene::routing("waits", &bundle_a()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(ALWAYS).unwrap();
    let (from, to) = (api.v4().unwrap(), db.v4().unwrap());
    // As long as db does not say where it is, what is for it waits.
    let ip = |arguments: String| {
        let done = Command::new("ip")
            .args(arguments.split_whitespace())
            .status();
        assert!(done.unwrap().success(), "ip {arguments}");
    };
    db.run(|| ip("link set eth0 arp off".to_owned())).unwrap();
    scene
        .testbed
        .in_node(|| ip("neigh flush dev veth-db".to_owned()))
        .unwrap();
    let before = scene.drops("policy_changed");
    api.inject(&Frame::udp((from, 4000), (to, ALWAYS))).unwrap();
    scene.apply(&bundle_b());
    scene.apply(&bundle_a());
    assert_eq!(scene.drops("policy_changed"), before);
    let here = format!("neigh replace {to} lladdr 02:00:00:00:00:01 dev veth-db nud permanent");
    scene.testbed.in_node(|| ip(here)).unwrap();
    assert_eq!(scene.drops("policy_changed"), before + 1);
    assert_eq!(server.served(), 0);
}

fn exchange(mut stream: &std::net::TcpStream) {
    use std::io::{Read as _, Write as _};
    stream.write_all(b"x").unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    stream.read_exact(&mut [0]).unwrap();
}
