//! Floods of new flows: what is open stays open.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, TcpStream, UdpSocket},
    time::Duration,
};

use polc_testbed::{Frame, Host};

use crate::{package::Package, scene::Scene};

/// The smallest tables there are: so many settled flows, and as many others.
const FLOWS: u32 = 1024;
/// Connections that are open, each a flow of both its ends.
const CONNECTIONS: usize = 60;

const SYN: u8 = 2;

/// New flows to a host, each of ports of its own: half of them SYNs, half of them datagrams.
fn flood(from: IpAddr, to: IpAddr, count: u16) -> Vec<Frame> {
    (0..count)
        .map(|port| match port % 2 {
            0 => Frame::tcp((from, 1024 + port), (to, 80), SYN),
            _ => Frame::udp((from, 1024 + port), (to, 53)),
        })
        .collect()
}

fn is_alive(mut connection: &TcpStream) -> bool {
    connection.write_all(b"x").is_ok() && connection.read_exact(&mut [0]).is_ok()
}

/// A conversation of datagrams.
fn conversation(from: &Host, to: IpAddr, port: u16) -> UdpSocket {
    let socket = from.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap().unwrap();
    socket.connect((to, port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    socket
}

fn is_answered(socket: &UdpSocket) -> bool {
    socket.send(b"x").is_ok() && socket.recv(&mut [0; 4]).is_ok()
}

#[test]
fn what_is_open_survives_a_flood_of_new_flows() {
    let open = Package::new().compile();
    let Some(scene) = Scene::enforcing_for("flood", &open, FLOWS) else {
        return;
    };
    let (api, db, web) = (scene.pod("api"), scene.pod("db"), scene.pod("web"));
    let outside = scene.testbed.outside().unwrap();
    let _servers = [db.serve_tcp(443).unwrap(), db.serve_udp(4433).unwrap()];
    let addresses = [db.v4().unwrap(), db.v6().unwrap()];
    let connections: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|number| api.open_tcp(addresses[number % 2], 443).unwrap())
        .collect();
    assert!(connections.iter().all(is_alive));
    let conversation = conversation(api, db.v4().unwrap(), 4433);
    assert!(is_answered(&conversation) && is_answered(&conversation));
    let before = scene.status();
    assert_eq!(before.flows, 2 * (CONNECTIONS + 1));

    // Eight times what the table of new flows holds, from outside and from a pod, to the server and
    // to the client.
    let (v4, v6) = (outside.v4().unwrap(), outside.v6().unwrap());
    outside
        .inject_all(&flood(v4, db.v4().unwrap(), 2048))
        .unwrap();
    outside
        .inject_all(&flood(v6, db.v6().unwrap(), 2048))
        .unwrap();
    outside
        .inject_all(&flood(v4, api.v4().unwrap(), 2048))
        .unwrap();
    web.inject_all(&flood(web.v4().unwrap(), db.v4().unwrap(), 2048))
        .unwrap();
    let after = scene.status();
    assert_eq!(after.flows, before.flows);
    assert!(
        (FLOWS as usize / 2..=FLOWS as usize).contains(&after.new_flows),
        "{}",
        after.new_flows
    );

    assert!(connections.iter().all(is_alive));
    assert!(is_answered(&conversation));
    assert_eq!(scene.drops("no_connection"), 0);
    // And who comes now is served.
    assert!(is_alive(&api.open_tcp(addresses[0], 443).unwrap()));
}

#[test]
fn a_silent_connection_survives_many_short_ones() {
    let open = Package::new().compile();
    let Some(scene) = Scene::enforcing_for("short-ones", &open, FLOWS) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let _server = db.serve_tcp(443).unwrap();
    let silent = api.open_tcp(db.v6().unwrap(), 443).unwrap();
    // Two flows each: three times what the table holds.
    for _ in 0..FLOWS * 3 / 2 {
        let short = api.open_tcp(db.v4().unwrap(), 443).unwrap();
        assert!(is_alive(&short));
    }
    assert!(is_alive(&silent));
    assert_eq!(scene.drops("no_connection"), 0);
}

#[test]
fn a_connection_that_lost_its_place_is_cut_and_says_why() {
    let open = Package::new().compile();
    let Some(scene) = Scene::enforcing_for("lost-place", &open, FLOWS) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let _server = db.serve_tcp(443).unwrap();
    // So many that a CPU cannot keep all of them among the entries that it has taken from the table,
    // where none of the other CPU's makes room for another.
    let first: Vec<TcpStream> = (0..FLOWS / 4)
        .map(|_| api.open_tcp(db.v4().unwrap(), 443).unwrap())
        .collect();
    assert!(first.iter().all(is_alive));
    // More connections than the table has places for, each of them wanted by both its ends.
    let others: Vec<TcpStream> = (0..FLOWS)
        .map(|_| api.open_tcp(db.v4().unwrap(), 443).unwrap())
        .collect();
    assert!(scene.status().flows <= FLOWS as usize);
    assert!(!first.iter().all(is_alive));
    assert!(scene.drops("no_connection") > 0);
    assert!(is_alive(others.last().unwrap()));
}

#[test]
fn the_number_of_flows_counts_when_the_tables_are_made() {
    let open = Package::new().compile();
    let Some(mut scene) = Scene::enforcing_for("capacity", &open, FLOWS) else {
        return;
    };
    scene.terminate();
    scene.run_with(&["--flows", "4096"]);
    let said = scene.start();
    assert!(
        said.contains("the table of flows stays one for 1024"),
        "{said}"
    );
    scene.run_with(&["--flows", "1023"]);
    let refused = crate::scene::text(&scene.run_again().stderr);
    assert!(refused.contains("flows are 1024 to 16777216"), "{refused}");
}
