//! The agent knows what is behind an interface, also when that changes.

use std::{fs, time::Duration};

use polc_testbed::{Frame, Outcome, Tap};

use super::{SILENCE, both, ip, open, shop, stop_routing, wait_for_change};
use crate::scene::Scene;

#[test]
fn an_endpoint_that_is_made_anew_is_reached_where_it_is_now() {
    let Some(mut scene) = Scene::enforcing("anew", &shop()) else {
        return;
    };
    stop_routing(&scene);
    for _ in 0..2 {
        let epoch = scene.status().epoch;
        scene.testbed.restart_pod("shop/db").unwrap();
        wait_for_change(&scene, epoch);
        let (api, db) = (scene.pod("api"), scene.pod("db"));
        let _server = db.serve_udp(53).unwrap();
        for address in both(db) {
            // The first answer of one that has just begun may take its time.
            let reached = (0..10).any(|_| {
                std::thread::sleep(Duration::from_millis(50));
                api.send_udp(address, 53).unwrap() == Outcome::Reached
            });
            assert!(reached, "{address}");
            assert_eq!(api.send_udp(address, 54).unwrap(), Outcome::Blocked);
        }
    }
}

#[test]
fn an_endpoint_that_changes_its_hardware_address_gets_frames_to_that() {
    let Some(scene) = Scene::enforcing("mac", &open()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let tap = db.run(|| Tap::open("eth0").unwrap()).unwrap();
    let frame = Frame::udp((api.v4().unwrap(), 4000), (db.v4().unwrap(), 53));
    for last in [7, 8] {
        let epoch = scene.status().epoch;
        ip(
            db.namespace(),
            &format!("link set eth0 address 02:00:00:00:aa:0{last}"),
        );
        wait_for_change(&scene, epoch);
        api.inject(&frame).unwrap();
        let frames = tap.frames(SILENCE).unwrap();
        let addresses: Vec<_> = frames
            .iter()
            .filter(|frame| frame.ends_with(b"polc"))
            .map(|frame| frame[..12].to_vec())
            .collect();
        assert_eq!(
            addresses,
            [[2, 0, 0, 0, 0xaa, last, 2, 0, 0, 0, 0, 0xfe]],
            "to the endpoint, from the node"
        );
    }
}

#[test]
fn behind_a_link_without_another_end_everything_is_routed() {
    let Some(mut scene) = Scene::new("bridge") else {
        return;
    };
    // db behind a bridge, which has the name and the addresses of the link that was there.
    let node = scene.testbed.node();
    ip(node, "link set veth-db name port");
    ip(
        node,
        "link add veth-db address 02:00:00:00:00:fe type bridge",
    );
    for words in [
        "address flush dev port",
        "link set port address 02:00:00:00:00:0b",
        "link set port master veth-db",
        "link set port up",
        "link set veth-db up",
        "address add 169.254.1.1/32 dev veth-db scope link",
        "address add fe80::1/64 dev veth-db nodad",
        "route replace 10.244.0.13/32 dev veth-db src 10.244.0.1",
        "-6 route flush fd00:244::13/128",
        "route add fd00:244::13/128 dev veth-db src fd00:244::1",
    ] {
        ip(node, words);
    }
    scene.write("start.polb", &shop());
    scene.start();
    let direct: Vec<_> = scene
        .status()
        .endpoints
        .into_iter()
        .filter(|endpoint| endpoint.is_direct)
        .map(|endpoint| endpoint.name)
        .collect();
    assert_eq!(direct, ["shop/api", "shop/web"]);
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let _servers = [
        db.serve_udp(53).unwrap(),
        db.serve_tcp(5432).unwrap(),
        api.serve_tcp(80).unwrap(),
    ];
    let check = |routed: Outcome| {
        for address in both(db) {
            assert_eq!(api.send_udp(address, 53).unwrap(), routed, "{address}");
            assert_eq!(api.connect_tcp(address, 5432).unwrap(), routed);
            assert_eq!(api.send_udp(address, 54).unwrap(), Outcome::Blocked);
        }
        for address in both(api) {
            assert_eq!(db.connect_tcp(address, 80).unwrap(), routed, "{address}");
            assert_eq!(web.connect_tcp(address, 80).unwrap(), Outcome::Reached);
        }
    };
    check(Outcome::Reached);
    stop_routing(&scene);
    check(Outcome::Blocked);
}

#[test]
fn connections_live_on_when_delivery_changes() {
    let Some(mut scene) = Scene::enforcing("changes", &shop()) else {
        return;
    };
    let _server = scene.pod("db").serve_tcp(5432).unwrap();
    let address = scene.pod("db").v4().unwrap();
    let mut live = vec![scene.pod("api").open_tcp(address, 5432).unwrap()];
    let talk = |mut stream: &std::net::TcpStream| {
        use std::io::{Read as _, Write as _};
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    };
    for delivery in ["routed", "local", "routed"] {
        scene.terminate();
        let _ = fs::remove_file(scene.path("state/agent.sock"));
        scene.run_with(&["--delivery", delivery]);
        scene.start();
        live.iter().for_each(talk);
        live.push(scene.pod("api").open_tcp(address, 5432).unwrap());
        live.iter().for_each(talk);
    }
    assert_eq!(scene.drops("no_connection"), 0);
}
