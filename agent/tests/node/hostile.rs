//! Packets that nobody honest sends: dropped, counted, and never anyone's crash.

use std::net::IpAddr;

use polc_model::{Direction, Entity, L4Match, SelectorExpr};
use polc_testbed::{Frame, Host, Outcome};

use crate::{
    package::{Package, labelled, udp},
    scene::Scene,
};

/// db takes udp 53 from api, and nothing else.
fn shop() -> Vec<u8> {
    Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(Direction::Ingress, labelled("api"), udp(53))
        .compile()
}

fn ends(from: &Host, to: &Host) -> [(IpAddr, IpAddr); 2] {
    [
        (from.v4().unwrap(), to.v4().unwrap()),
        (from.v6().unwrap(), to.v6().unwrap()),
    ]
}

#[test]
fn an_endpoint_cannot_speak_for_another() {
    let Some(scene) = Scene::enforcing("spoof", &shop()) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let server = db.serve_udp(53).unwrap();
    for (api_address, db_address) in ends(api, db) {
        let before = scene.drops("spoofed_source");
        let frame = Frame::udp((api_address, 4000), (db_address, 53));
        web.inject(&frame).unwrap();
        assert_eq!(scene.drops("spoofed_source"), before + 1, "{api_address}");
        // From its owner, the same frame is fine.
        api.inject(&frame).unwrap();
        assert_eq!(scene.drops("spoofed_source"), before + 1, "{api_address}");
    }
    std::thread::sleep(std::time::Duration::from_millis(100));
    // The IPv6 frame has no checksum, so that only the IPv4 one reaches the server.
    assert_eq!(server.served(), 1);
}

#[test]
fn nobody_outside_can_speak_for_the_node_or_its_endpoints() {
    let Some(scene) = Scene::enforcing("outside-spoof", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let outside = scene.testbed.outside().unwrap();
    let server = db.serve_udp(53).unwrap();
    let mut expected = scene.drops("spoofed_source");
    for (api_address, db_address) in ends(api, db) {
        outside
            .inject(&Frame::udp((api_address, 4000), (db_address, 53)))
            .unwrap();
        expected += 1;
    }
    // The node itself may talk to its endpoints; outside it may not be imitated.
    outside
        .inject(&Frame::udp(
            ("10.244.0.1".parse().unwrap(), 4000),
            (db.v4().unwrap(), 53),
        ))
        .unwrap();
    expected += 1;
    assert_eq!(scene.drops("spoofed_source"), expected);
    assert_eq!(server.served(), 0);
}

#[test]
fn frames_that_contradict_themselves_are_dropped_and_counted() {
    let Some(scene) = Scene::enforcing("malformed", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let [(api4, db4), (api6, db6)] = ends(api, db);
    let udp4 = || Frame::udp((api4, 4000), (db4, 53));
    let udp6 = || Frame::udp((api6, 4000), (db6, 53));
    let tcp4 = || Frame::tcp((api4, 4000), (db4, 53), 2);
    let frames = [
        ("IPv4 version", udp4().with_byte(0, 0x55)),
        ("IPv4 header length below 20", udp4().with_byte(0, 0x44)),
        ("IPv4 header beyond the packet", udp4().with_byte(0, 0x4f)),
        ("IPv4 length beyond the frame", udp4().with_byte(2, 0x10)),
        ("IPv4 length inside the header", udp4().with_byte(3, 8)),
        ("IPv4 cut in its header", udp4().cut_to(12)),
        ("UDP cut in its header", udp4().with_byte(3, 24).cut_to(24)),
        ("UDP length beyond the packet", udp4().with_byte(24, 0x40)),
        ("UDP length below 8", udp4().with_byte(25, 4)),
        ("TCP header length below 20", tcp4().with_byte(32, 0x10)),
        ("TCP header beyond the packet", tcp4().with_byte(32, 0xf0)),
        ("TCP cut in its header", tcp4().with_byte(3, 30).cut_to(30)),
        ("IPv6 version", udp6().with_byte(0, 0x40)),
        ("IPv6 length beyond the frame", udp6().with_byte(4, 0x10)),
        ("IPv6 cut in its header", udp6().cut_to(30)),
        (
            "UDP over IPv6 cut in its header",
            udp6().with_byte(5, 4).cut_to(44),
        ),
        ("IPv6 extension beyond the packet", udp6().with_byte(6, 60)),
        (
            "IPv6 routing header with segments left",
            Frame::ip(api6, db6, 43, &[17, 0, 4, 1, 0, 0, 0, 0]),
        ),
        (
            "IPv6 with more extensions than anyone needs",
            Frame::ip(api6, db6, 60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(9)),
        ),
    ];
    let mut expected = scene.drops("malformed");
    for (what, frame) in frames {
        api.inject(&frame).unwrap();
        expected += 1;
        assert_eq!(scene.drops("malformed"), expected, "{what}");
    }
    let others = scene.drops("unknown_ether_type");
    api.inject(&Frame::new(0x88cc, &[0; 46])).unwrap();
    assert_eq!(scene.drops("unknown_ether_type"), others + 1);
}

#[test]
fn tcp_needs_a_connection_and_icmp_errors_a_flow() {
    let open = Package::new()
        .policy("db", "db", &[Direction::Ingress])
        .allow(
            Direction::Ingress,
            SelectorExpr::Entity(Entity::All),
            L4Match::Any,
        )
        .compile();
    let Some(scene) = Scene::enforcing("stray", &open) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    for (api_address, db_address) in ends(api, db) {
        let before = scene.drops("no_connection");
        for flags in [0x10, 0x12, 0x04, 0x01, 0x00] {
            api.inject(&Frame::tcp((api_address, 4000), (db_address, 80), flags))
                .unwrap();
        }
        assert_eq!(scene.drops("no_connection"), before + 5);

        // "Destination unreachable" about a packet that was never sent.
        let (protocol, kind) = if api_address.is_ipv4() {
            (1, 3)
        } else {
            (58, 1)
        };
        let never = Frame::udp((db_address, 9), (api_address, 9));
        let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
        message.extend(never.bytes().iter().skip(14));
        let before = scene.drops("unrelated_error");
        api.inject(&Frame::ip(api_address, db_address, protocol, &message))
            .unwrap();
        assert_eq!(scene.drops("unrelated_error"), before + 1);
    }
}

#[test]
fn only_a_router_advertises_routes() {
    let Some(scene) = Scene::enforcing("router", &shop()) else {
        return;
    };
    let api = scene.pod("api");
    let before = scene.drops("router_message");
    let advertisement = Frame::ip(
        api.v6().unwrap(),
        "ff02::1".parse().unwrap(),
        58,
        &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0],
    );
    api.inject(&advertisement.with_byte(7, 255)).unwrap();
    assert_eq!(scene.drops("router_message"), before + 1);
}

#[test]
fn link_control_is_no_way_out() {
    let closed = Package::new()
        .policy("api", "api", &[Direction::Egress])
        .compile();
    let Some(scene) = Scene::enforcing("way-out", &closed) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let outside = scene.testbed.outside().unwrap();
    let before = scene.drops("policy");
    for to in [outside.v6().unwrap(), db.v6().unwrap()] {
        let advertisement = Frame::ip(api.v6().unwrap(), to, 58, &[136, 0, 0, 0, 1, 2, 3, 4]);
        api.inject(&advertisement.with_byte(7, 255)).unwrap();
    }
    assert_eq!(scene.drops("policy"), before + 2);
}

#[test]
fn ipv6_packets_cannot_pass_for_ipv4_ones() {
    let Some(scene) = Scene::enforcing("mapped", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => address,
    };
    let source = mapped(api.v4().unwrap());
    let before = scene.drops("malformed");
    for (from, to) in [
        (source, mapped(db.v4().unwrap())),
        (source, db.v6().unwrap()),
        (api.v6().unwrap(), mapped(db.v4().unwrap())),
    ] {
        api.inject(&Frame::udp((from, 4000), (to, 53))).unwrap();
    }
    assert_eq!(scene.drops("malformed"), before + 3);
}

#[test]
fn later_fragments_follow_their_first() {
    let Some(scene) = Scene::enforcing("fragments", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(53).unwrap();
    let denied = db.serve_udp(54).unwrap();
    // The testbed's links take 1500 bytes.
    for (address, port) in [
        (db.v4().unwrap(), 53),
        (db.v6().unwrap(), 53),
        (db.v4().unwrap(), 54),
        (db.v6().unwrap(), 54),
    ] {
        api.run(|| {
            let any = if address.is_ipv4() {
                "0.0.0.0:0"
            } else {
                "[::]:0"
            };
            let socket = std::net::UdpSocket::bind(any).unwrap();
            socket.send_to(&[7; 4000], (address, port)).unwrap();
        })
        .unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!((server.served(), denied.served()), (2, 0));

    // A second fragment that would write the flags of the first one's TCP header anew.
    let before = scene.drops("malformed");
    let (from, to) = ((api.v4().unwrap(), 4000), (db.v4().unwrap(), 80));
    let first = Frame::tcp(from, to, 2)
        .with_byte(4, 0x66)
        .with_byte(6, 0x20);
    let second = Frame::ip(from.0, to.0, 6, &[0; 16]).with_byte(4, 0x66);
    api.inject_all(&[first, second.with_byte(7, 1)]).unwrap();
    assert_eq!(scene.drops("malformed"), before + 1);

    // Behind the fragment header of the first comes one more extension; the second has none.
    let (source, destination) = (api.v6().unwrap(), db.v6().unwrap());
    let before = scene.drops("orphan_fragment");
    let mut head = vec![60, 0, 0, 1, 0, 0, 0, 9];
    head.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    head.extend([0x0f, 0xa0, 0, 53, 0, 40, 0, 0]);
    let tail = [60, 0, 0, 16, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8];
    api.inject_all(&[
        Frame::ip(source, destination, 44, &head),
        Frame::ip(source, destination, 44, &tail),
    ])
    .unwrap();
    assert_eq!(scene.drops("orphan_fragment"), before);

    let orphan = Frame::ip(api.v4().unwrap(), db.v4().unwrap(), 17, &[0; 64]);
    api.inject(&orphan.with_byte(4, 0x77).with_byte(7, 100))
        .unwrap();
    assert_eq!(scene.drops("orphan_fragment"), before + 1);
}

/// Frames from one pod to another, the same ones each time.
pub(crate) fn random_frames(from: &Host, to: &Host, count: usize) -> Vec<Frame> {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        // xorshift64, so that a failure can be repeated.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    (0..count)
        .map(|_| {
            let [v4, v6] = ends(from, to);
            let (from, to) = if random() % 2 == 0 { v4 } else { v6 };
            let payload: Vec<u8> = (0..random() % 80).map(|_| random() as u8).collect();
            let mut frame = Frame::ip(from, to, random() as u8, &payload);
            for _ in 0..random() % 4 {
                frame = frame.with_byte((random() % 60) as usize, random() as u8);
            }
            if random() % 4 == 0 {
                frame = frame.cut_to((random() % 60) as usize);
            }
            frame
        })
        .collect()
}

#[test]
fn random_frames_crash_nothing() {
    let Some(scene) = Scene::enforcing("random", &shop()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    api.inject_all(&random_frames(api, db, 20_000)).unwrap();
    let _server = db.serve_udp(53).unwrap();
    assert_eq!(
        api.send_udp(db.v4().unwrap(), 53).unwrap(),
        Outcome::Reached
    );
    assert!(scene.ask("status", &[]).status.success());
}
