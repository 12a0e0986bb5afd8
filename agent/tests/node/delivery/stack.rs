//! What only the node's stack can do is left to it.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};

use polc_testbed::{Host, Tap};

use super::{SILENCE, both, ip, open, wait_for_change};
use crate::scene::Scene;

pub(super) fn socket(host: &Host, to: IpAddr, port: u16) -> UdpSocket {
    host.run(|| {
        let any: SocketAddr = match to {
            IpAddr::V4(_) => ([0; 4], 0).into(),
            IpAddr::V6(_) => ([0_u16; 8], 0).into(),
        };
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect((to, port)).unwrap();
        socket
    })
    .unwrap()
}

/// How many routers a packet may pass, and one.
pub(super) fn set_hops(socket: &UdpSocket, to: IpAddr, hops: u32) {
    match to {
        IpAddr::V4(_) => socket.set_ttl(hops).unwrap(),
        IpAddr::V6(_) => socket2::SockRef::from(socket)
            .set_unicast_hops_v6(hops)
            .unwrap(),
    }
}

/// Types and codes of the ICMP errors among frames of either family.
pub(super) fn errors(frames: &[Vec<u8>]) -> Vec<[u8; 2]> {
    let of = |frame: &Vec<u8>| match frame[12..14] {
        [0x08, 0x00] if frame[23] == 1 => Some([frame[34], frame[35]]),
        [0x86, 0xdd] if frame[20] == 58 && frame[54] < 128 => Some([frame[54], frame[55]]),
        _ => None,
    };
    frames.iter().filter_map(of).collect()
}

#[test]
fn a_packet_whose_hops_are_used_up_is_answered_and_does_not_arrive() {
    let Some(scene) = Scene::enforcing("hops", &open()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(53).unwrap();
    let tap = api.run(|| Tap::open("eth0").unwrap()).unwrap();
    for (address, exceeded) in both(db).into_iter().zip([[11, 0], [3, 0]]) {
        let socket = socket(api, address, 53);
        let before = server.served();
        set_hops(&socket, address, 1);
        socket.send(b"one").unwrap();
        assert_eq!(errors(&tap.frames(SILENCE).unwrap()), [exceeded]);
        assert_eq!(server.served(), before);
        // One more is enough, and arrives.
        set_hops(&socket, address, 2);
        socket.send(b"two").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(400)))
            .unwrap();
        socket.recv(&mut [0; 8]).unwrap();
        assert_eq!(errors(&tap.frames(SILENCE).unwrap()), [[0; 2]; 0]);
        assert_eq!(server.served(), before + 1);
    }
}

#[test]
fn a_packet_too_large_for_its_receivers_link_is_answered_and_smaller_ones_arrive() {
    let Some(scene) = Scene::enforcing("mtu", &open()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let server = db.serve_udp(53).unwrap();
    let epoch = scene.status().epoch;
    ip(db.namespace(), "link set eth0 mtu 1300");
    ip(scene.testbed.node(), "link set veth-db mtu 1300");
    wait_for_change(&scene, epoch);
    let tap = api.run(|| Tap::open("eth0").unwrap()).unwrap();
    for (served, (address, too_big)) in (0..)
        .step_by(2)
        .zip(both(db).into_iter().zip([[3, 4], [2, 0]]))
    {
        let socket = socket(api, address, 53);
        socket
            .set_read_timeout(Some(Duration::from_millis(400)))
            .unwrap();
        // As large as fits.
        let header = if address.is_ipv4() { 28 } else { 48 };
        socket.send(&vec![7; 1300 - header]).unwrap();
        socket.recv(&mut [0; 2000]).unwrap();
        assert_eq!(errors(&tap.frames(SILENCE).unwrap()), [[0; 2]; 0]);
        socket.send(&vec![7; 1301 - header]).unwrap();
        assert_eq!(errors(&tap.frames(SILENCE).unwrap()), [too_big]);
        assert_eq!(server.served(), served + 1);
        // Its sender knows now, and sends pieces.
        let _ = socket.recv(&mut [0; 2000]);
        socket.send(&vec![7; 1301 - header]).unwrap();
        assert_eq!(socket.recv(&mut [0; 2000]).unwrap(), 1301 - header);
        assert_eq!(server.served(), served + 2);
    }
}
