//! What arrives past the stack is, bit for bit, what the node would have routed.

use std::net::IpAddr;

use polc_testbed::{Frame, Tap};

use super::{SILENCE, open};
use crate::scene::Scene;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// An IPv4 packet whose header is right, but for what it is given.
fn v4(from: IpAddr, to: IpAddr, [tos, ttl]: [u8; 2], options: &[u8], payload: &[u8]) -> Frame {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) else {
        panic!("these are not of IPv4");
    };
    let header = 20 + options.len();
    let length = (header + payload.len()) as u16;
    let mut packet = vec![0x40 | (header / 4) as u8, tos];
    packet.extend(length.to_be_bytes());
    packet.extend([0x12, ttl, 0x40, 0, ttl, 17, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(options);
    let sum: u32 = packet
        .chunks(2)
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet.splice(10..12, sum.to_be_bytes());
    packet.extend(payload);
    Frame::new(IPV4, &packet)
}

/// An IPv6 packet.
fn v6(from: IpAddr, to: IpAddr, hops: u8, next: u8, payload: &[u8]) -> Frame {
    let (IpAddr::V6(from), IpAddr::V6(to)) = (from, to) else {
        panic!("these are not of IPv6");
    };
    let mut packet = vec![0x6b, 0xc1, 0x23, 0x45];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, hops]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    Frame::new(IPV6, &packet)
}

fn datagram(port: u16) -> Vec<u8> {
    let mut datagram = port.to_be_bytes().to_vec();
    datagram.extend([0, 53, 0, 16, 0, 0]);
    datagram.extend(*b"polc....");
    datagram
}

#[test]
fn a_receiver_gets_what_the_node_would_have_routed() {
    let Some(mut scene) = Scene::routing("frames", &open()) else {
        return;
    };
    let (api, db) = (scene.pod("api"), scene.pod("db"));
    let (from, to) = (api.v4().unwrap(), db.v4().unwrap());
    let mut sent: Vec<Frame> = [64, 255, 2, 17]
        .into_iter()
        .map(|ttl| v4(from, to, [0xb9, ttl], &[], &datagram(4000 + u16::from(ttl))))
        .collect();
    // No operation, a timestamp that a router fills in, and the end.
    let stamp = [1, 68, 8, 5, 0, 0, 0, 0, 0, 0, 0, 0];
    sent.push(v4(from, to, [0, 64], &stamp, &datagram(5000)));
    let first = Frame::ip(from, to, 17, &datagram(5001)).with_byte(4, 0x66);
    let more = |frame: Frame, flags, offset, sum: [u8; 2]| {
        let frame = frame.with_byte(6, flags).with_byte(7, offset);
        frame.with_byte(10, sum[0]).with_byte(11, sum[1])
    };
    // The sums follow from what differs from `Frame::ip`.
    let sum = |frame: &Frame, change: u16| {
        let old = u16::from_be_bytes([frame.bytes()[24], frame.bytes()[25]]);
        let sum = u32::from(!old) + u32::from(change);
        (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
    };
    let sums = [sum(&first, 0x6600 + 0x2000), sum(&first, 0x6600 + 0x0002)];
    sent.push(more(first.clone(), 0x20, 0, sums[0]));
    sent.push(more(first, 0, 2, sums[1]));

    let (from, to) = (api.v6().unwrap(), db.v6().unwrap());
    sent.extend([64, 255, 2].map(|hops| v6(from, to, hops, 17, &datagram(6000 + u16::from(hops)))));
    // Hop-by-hop options, which say nothing.
    let mut behind = vec![17, 0, 1, 4, 0, 0, 0, 0];
    behind.extend(datagram(7000));
    sent.push(v6(from, to, 64, 0, &behind));

    let arrived = [("routed", 0_u64), ("local", 2)].map(|(delivery, through_the_stack)| {
        scene.terminate();
        scene.run_with(&["--delivery", delivery]);
        scene.start();
        let before = super::routed(&scene);
        let (api, db) = (scene.pod("api"), scene.pod("db"));
        // So that nobody answers, and everything is ever the first of its flow.
        let tap = db.run(|| Tap::open("eth0").unwrap()).unwrap();
        api.inject_all(&sent).unwrap();
        let mut frames: Vec<Vec<u8>> = tap.frames(SILENCE).unwrap();
        let is_ours = |frame: &Vec<u8>| matches!(frame[12..14], [0x08, 0x00] | [0x86, 0xdd]);
        frames.retain(|frame| is_ours(frame) && frame.windows(4).any(|at| at == b"polc"));
        // A router's clock.
        for frame in &mut frames {
            if frame[14] == 0x48 {
                frame[24..26].fill(0);
                frame[34..46].fill(0);
            }
        }
        frames.sort();
        if through_the_stack > 0 {
            let forwarded = super::routed(&scene) - before;
            assert!(forwarded >= through_the_stack, "{forwarded}");
        }
        frames
    });
    assert_eq!(arrived[0].len(), sent.len());
    assert_eq!(arrived[0], arrived[1]);
}
