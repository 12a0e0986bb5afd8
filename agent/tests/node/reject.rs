//! `reject` is `deny` that answers: whoever is rejected knows at once.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use polc_model::{Direction, L4Match, SelectorExpr};
use polc_testbed::{Host, Outcome, Probe};

use crate::{
    hostile::random_frames,
    package::{Package, icmp, labelled, tcp, udp},
    scene::Scene,
};

const OPEN: u16 = 5432;
const REJECTED: u16 = 443;

/// Well below what a retransmission takes, and the testbed's patience.
const AT_ONCE: Duration = Duration::from_millis(300);

fn both(host: &Host) -> [IpAddr; 2] {
    [host.v4().unwrap(), host.v6().unwrap()]
}

/// db's ingress and web's egress reject port 443 and ping, whoever the other end is, and allow
/// everything else.
fn shop() -> Vec<u8> {
    let all = || SelectorExpr::ALL;
    let rejecting = |package: Package, direction| {
        package
            .reject(direction, all(), tcp(REJECTED))
            .reject(direction, all(), udp(REJECTED))
            .reject(direction, all(), icmp())
            .allow(direction, all(), L4Match::Any)
    };
    let package = Package::new().policy("db", "db", &[Direction::Ingress]);
    let package = rejecting(package, Direction::Ingress);
    let package = package.policy("web", "web", &[Direction::Egress]);
    rejecting(package, Direction::Egress).compile()
}

/// Everything that `from` can be told about `to`'s rejected port.
fn is_rejected(from: &Host, to: &Host) {
    for address in both(to) {
        let start = Instant::now();
        assert_eq!(
            from.connect_tcp(address, REJECTED).unwrap(),
            Outcome::Refused,
            "{address}"
        );
        assert_eq!(
            from.send_udp(address, REJECTED).unwrap(),
            Outcome::Prohibited,
            "{address}"
        );
        assert_eq!(
            from.ping(address).unwrap(),
            Outcome::Prohibited,
            "{address}"
        );
        assert!(
            start.elapsed() < AT_ONCE,
            "{address}: {:?}",
            start.elapsed()
        );
    }
}

fn everybody_is_told(scene: &Scene) {
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let outside = scene.testbed.outside().unwrap();
    // Somebody listens, and must hear nothing.
    let servers = [api, db, outside].map(|host| {
        [
            host.serve_tcp(REJECTED).unwrap(),
            host.serve_udp(REJECTED).unwrap(),
        ]
    });
    // By the ingress policy of db, and by the egress policy of web.
    is_rejected(api, db);
    is_rejected(outside, db);
    is_rejected(web, api);
    is_rejected(web, outside);
    // Where both would reject, egress is asked first.
    is_rejected(web, db);
    assert!(servers.iter().flatten().all(|server| server.served() == 0));

    let _server = db.serve_tcp(OPEN).unwrap();
    for address in both(db) {
        for host in [api, web, outside] {
            assert_eq!(host.connect_tcp(address, OPEN).unwrap(), Outcome::Reached);
        }
    }
    let rejected = scene.drops("policy");
    assert!(rejected >= 5 * 2 * 3, "only {rejected} drops are counted");
    let flows = scene.flows();
    let one = flows
        .iter()
        .find(|flow| flow.verdict == "rejected")
        .unwrap();
    assert_eq!(one.reason.as_deref(), Some("policy"));
    let decider = one.decider.as_ref().unwrap();
    assert_eq!(decider.text.as_deref(), Some("reject ingress tcp 443"));
    assert!(
        flows
            .iter()
            .all(|flow| flow.reason.as_deref() != Some("policy_changed"))
    );
}

#[test]
fn rejected_connections_are_refused_and_datagrams_prohibited() {
    let Some(scene) = Scene::enforcing("reject", &shop()) else {
        return;
    };
    everybody_is_told(&scene);
    for program in scene.status().datapath {
        eprintln!(
            "{}: {} verified instructions",
            program.name, program.verified_instructions
        );
    }
}

#[test]
fn the_same_with_clsact_filters() {
    let Some(scene) = Scene::enforcing_with_clsact("reject-clsact", &shop()) else {
        return;
    };
    everybody_is_told(&scene);
}

/// api may talk to db, as far as `db` and `api` say.
fn talk(reject_at: Option<Direction>) -> Vec<u8> {
    let mut package = Package::new().policy("api", "api", &[Direction::Egress]);
    if reject_at == Some(Direction::Egress) {
        package = package.reject(Direction::Egress, SelectorExpr::ALL, tcp(OPEN));
    }
    package = package
        .allow(Direction::Egress, SelectorExpr::ALL, L4Match::Any)
        .policy("db", "db", &[Direction::Ingress]);
    if reject_at == Some(Direction::Ingress) {
        package = package.reject(Direction::Ingress, labelled("api"), tcp(OPEN));
    }
    package
        .allow(Direction::Ingress, SelectorExpr::ALL, L4Match::Any)
        .compile()
}

/// A connection from api to db: both of its ends.
fn connection(scene: &Scene, address: IpAddr) -> (TcpStream, TcpStream) {
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let listener = db.run(|| TcpListener::bind((address, OPEN))).unwrap();
    let listener = listener.unwrap();
    let client = api.open_tcp(address, OPEN).unwrap();
    let (server, _) = listener.accept().unwrap();
    server
        .set_read_timeout(Some(Duration::from_millis(400)))
        .unwrap();
    (client, server)
}

fn exchange(mut from: &TcpStream, mut to: &TcpStream) {
    from.write_all(b"x").unwrap();
    to.read_exact(&mut [0]).unwrap();
}

/// Sends and expects to be told that the connection is no more.
fn is_reset(mut stream: &TcpStream, what: &str, bytes: usize) {
    let start = Instant::now();
    // A large write may be told half way.
    let sent = stream.write_all(&vec![7; bytes]);
    let error = match sent {
        Err(error) => error,
        Ok(()) => stream.read(&mut [0; 16]).unwrap_err(),
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{what}");
    assert!(start.elapsed() < AT_ONCE, "{what}: {:?}", start.elapsed());
}

#[test]
fn a_live_connection_is_reset_at_its_next_packet() {
    let Some(scene) = Scene::enforcing("reset", &talk(None)) else {
        return;
    };
    for reject_at in Direction::BOTH {
        for address in both(scene.pod("db")) {
            // The larger one is cut into segments by the device, if anybody does.
            for bytes in [1, 60_000] {
                let what = format!("{reject_at} {address} {bytes}");
                let (client, server) = connection(&scene, address);
                exchange(&client, &server);
                exchange(&server, &client);
                scene.apply(&talk(Some(reject_at)));
                is_reset(&client, &what, bytes);
                // The other end has heard nothing yet, and is told when it speaks.
                is_reset(&server, &what, bytes);
                scene.apply(&talk(None));

                // The other way round.
                let (client, server) = connection(&scene, address);
                exchange(&client, &server);
                scene.apply(&talk(Some(reject_at)));
                is_reset(&server, &what, bytes);
                is_reset(&client, &what, bytes);
                scene.apply(&talk(None));
            }
        }
    }
}

#[test]
fn the_node_is_told_too() {
    let bundle = Package::new()
        .restrict_host_access()
        .policy("db", "db", &[Direction::Ingress])
        .reject(Direction::Ingress, SelectorExpr::ALL, L4Match::Any)
        .policy("web", "web", &[Direction::Egress])
        .reject(Direction::Egress, SelectorExpr::ALL, L4Match::Any)
        .compile();
    let Some(scene) = Scene::enforcing("reject-node", &bundle) else {
        return;
    };
    let (db, web) = (scene.pod("db"), scene.pod("web"));
    for address in both(db) {
        let error = scene
            .testbed
            .in_node(|| TcpStream::connect((address, REJECTED)).unwrap_err());
        assert_eq!(error.unwrap().kind(), io::ErrorKind::ConnectionRefused);
        let node = scene.testbed.node();
        let own: IpAddr = if address.is_ipv4() {
            "10.244.0.1".parse().unwrap()
        } else {
            "fd00:244::1".parse().unwrap()
        };
        let outcome = node.probe(Probe::Udp(REJECTED), own, address).unwrap();
        assert_eq!(outcome, Outcome::Prohibited, "{address}");
        assert_eq!(web.connect_tcp(own, REJECTED).unwrap(), Outcome::Refused);
        assert_eq!(web.send_udp(own, REJECTED).unwrap(), Outcome::Prohibited);
    }
}

#[test]
fn random_frames_that_are_rejected_crash_nothing() {
    let bundle = Package::new()
        .policy("api", "api", &[Direction::Egress])
        .reject(Direction::Egress, SelectorExpr::ALL, udp(REJECTED))
        .allow(Direction::Egress, SelectorExpr::ALL, L4Match::Any)
        .policy("db", "db", &[Direction::Ingress])
        .reject(Direction::Ingress, labelled("api"), L4Match::Any)
        .policy("web", "web", &[Direction::Egress])
        .reject(Direction::Egress, labelled("db"), L4Match::Any)
        .allow(Direction::Egress, labelled("api"), L4Match::Any)
        .compile();
    let Some(scene) = Scene::enforcing("reject-random", &bundle) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let before = scene.drops("policy");
    for host in [api, web] {
        // Slowly enough that most of them are answered.
        for frames in random_frames(host, db, 4_000).chunks(200) {
            host.inject_all(frames).unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    }
    let rejected = scene.drops("policy") - before;
    assert!(rejected > 2_000, "only {rejected} frames were rejected");
    assert!(scene.ask("status", &[]).status.success());
    // By now each CPU may answer again.
    thread::sleep(Duration::from_millis(500));
    is_rejected(api, db);
    is_rejected(web, db);
    let _server = api.serve_tcp(OPEN).unwrap();
    for address in both(api) {
        assert_eq!(web.connect_tcp(address, OPEN).unwrap(), Outcome::Reached);
    }
}

#[test]
fn what_is_only_denied_is_not_answered() {
    let closed = Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .reject(Direction::Ingress, labelled("api"), tcp(REJECTED))
        .compile();
    let Some(scene) = Scene::enforcing("no-answer", &closed) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    for address in both(db) {
        assert_eq!(
            api.connect_tcp(address, REJECTED).unwrap(),
            Outcome::Refused
        );
        for (host, port) in [(api, OPEN), (web, REJECTED)] {
            assert_eq!(host.connect_tcp(address, port).unwrap(), Outcome::Blocked);
            assert_eq!(host.send_udp(address, port).unwrap(), Outcome::Blocked);
        }
    }
}

#[test]
fn an_endpoint_cannot_pass_for_an_answer() {
    let Some(scene) = Scene::enforcing("forged-mark", &shop()) else {
        return;
    };
    let (api, web) = (scene.pod("api"), scene.pod("web"));
    let server = api.serve_udp(REJECTED).unwrap();
    let sent = web
        .run(|| {
            let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            polc_testbed::set_mark(&socket, 0x706f_6c63).unwrap();
            (0..10)
                .filter(|_| socket.send_to(b"x", (api.v4().unwrap(), REJECTED)).is_ok())
                .count()
        })
        .unwrap();
    assert!(sent > 0);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(server.served(), 0);
}
