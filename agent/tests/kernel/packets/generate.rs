//! Frames of every kind that the datapath knows, most of them damaged: bits, lengths, header
//! chains, options, fragments, tags, ends.

use std::net::IpAddr;

use fastrand::Rng;
use polc_testbed::Frame;

use super::{OWN, PEERS};

/// Which hook sees the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    FromEndpoint,
    ToEndpoint,
    FromUplink,
}

impl Hook {
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::FromEndpoint => "from_endpoint",
            Self::ToEndpoint => "to_endpoint",
            Self::FromUplink => "from_uplink",
        }
    }
}

/// A hook and a frame for it, with which the kernel makes a test run.
pub(crate) fn frame(random: &mut Rng) -> (Hook, Vec<u8>) {
    let (hook, mut bytes) = any_frame(random);
    bytes.resize(bytes.len().max(15), 0);
    bytes.resize(bytes.len().clamp(least(&bytes), MOST), 0);
    (hook, bytes)
}

/// A hook and a frame for it, of any length.
pub(crate) fn any_frame(random: &mut Rng) -> (Hook, Vec<u8>) {
    let hook = match random.u8(..8) {
        0..4 => Hook::FromEndpoint,
        4..7 => Hook::ToEndpoint,
        _ => Hook::FromUplink,
    };
    let mut bytes = valid(random, hook);
    for _ in 0..random.usize(..4) {
        damage(random, &mut bytes);
    }
    (hook, bytes)
}

/// As long as the kernel lets a frame of a test run be: a page, less what it needs itself.
const MOST: usize = 2_000;

/// The kernel makes no test run without the first header behind the link's. What is shorter is sent
/// over a [`wire`](super::wire).
fn least(frame: &[u8]) -> usize {
    match frame.get(12..14) {
        Some([0x08, 0x00]) => 34,
        Some([0x86, 0xdd]) => 54,
        _ => 15,
    }
}

/// Whether the kernel makes a test run with the frame.
pub(crate) fn is_runnable(frame: &[u8]) -> bool {
    (least(frame)..=MOST).contains(&frame.len())
}

fn valid(random: &mut Rng, hook: Hook) -> Vec<u8> {
    if random.u8(..50) == 0 {
        let kinds = [0x0806, 0x88cc, 0x8100, 0x0005, 0x8847];
        let kind = kinds[random.usize(..kinds.len())];
        return Frame::new(kind, &bytes(random, 46)).bytes().to_vec();
    }
    let family = random.usize(..2);
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    let (own, peer) = (address(OWN[family]), address(PEERS[family]));
    let other = match (random.u8(..12), family) {
        (0, 0) => "224.0.0.5",
        (0, _) => "ff02::1",
        (1, 0) => "10.0.0.9",
        (1, _) => "fe80::9",
        (2, _) => OWN[family],
        (3, 0) => "203.0.113.3",
        (3, _) => "::ffff:10.0.0.9",
        _ => PEERS[family],
    };
    let other = address(other);
    let own = if random.u8(..16) == 0 { other } else { own };
    let (from, to) = match hook {
        Hook::FromEndpoint => (own, other),
        Hook::ToEndpoint | Hook::FromUplink => (other, own),
    };
    let (protocol, body) = body(random, [own, peer], hook);
    let mut frame = if from.is_ipv4() {
        ipv4(random, from, to, protocol, body)
    } else {
        ipv6(random, from, to, protocol, body)
    };
    if random.u8(..40) == 0 {
        let tag = [0x81, 0x00, 0, random.u8(..)];
        frame.splice(12..12, tag);
    }
    frame
}

/// An L4 header and what is behind it. Ports are few, so that some belong to known flows.
fn body(random: &mut Rng, [own, peer]: [IpAddr; 2], hook: Hook) -> (u8, Vec<u8>) {
    let is_ipv4 = own.is_ipv4();
    let icmp = if is_ipv4 { 1 } else { 58 };
    let ports = match hook {
        Hook::FromEndpoint => [80, 4000],
        Hook::ToEndpoint | Hook::FromUplink => [4000, 80],
    };
    let ports = ports.map(|port| {
        if random.u8(..6) == 0 {
            random.u16(..)
        } else {
            port
        }
    });
    let (own, peer) = match hook {
        // Of what it got.
        Hook::FromEndpoint => ((peer, ports[1]), (own, ports[0])),
        Hook::ToEndpoint | Hook::FromUplink => ((own, ports[1]), (peer, ports[0])),
    };
    let payload = |frame: &Frame| {
        let header = if is_ipv4 { 34 } else { 54 };
        frame.bytes()[header..].to_vec()
    };
    match random.u8(..20) {
        0..5 => (17, payload(&Frame::udp(peer, own))),
        5..10 => {
            let flags = [2, 2, 2, 16, 18, 4, 17, 20, 0, 3, 41];
            let flags = flags[random.usize(..flags.len())];
            let mut segment = payload(&Frame::tcp(peer, own, flags));
            let options = random.usize(..4);
            segment[12] = (5 + options as u8) << 4;
            segment.extend(vec![1; options * 4]);
            (6, segment)
        }
        10..13 => {
            let kinds: &[u8] = if is_ipv4 {
                &[0, 3, 4, 5, 8, 8, 11, 12, 13]
            } else {
                &[1, 2, 3, 4, 128, 128, 129, 130, 133, 134, 135, 136, 137, 143]
            };
            let mut message = bytes(random, 8);
            message[0] = kinds[random.usize(..kinds.len())];
            message[1] = random.u8(..3);
            (icmp, message)
        }
        13..17 => {
            // An error about what the receiver may have sent.
            let inner = match random.u8(..4) {
                0 => Frame::tcp(own, peer, 16),
                1 => Frame::ip(
                    own.0,
                    peer.0,
                    icmp,
                    &[if is_ipv4 { 8 } else { 128 }, 0, 0, 0, 0, 7, 0, 1],
                ),
                2 => Frame::ip(own.0, peer.0, 132, &bytes(random, 12)),
                _ => Frame::udp(own, peer),
            };
            let kinds = if is_ipv4 {
                [3, 11, 12, 3]
            } else {
                [1, 2, 3, 4]
            };
            let mut message = vec![kinds[random.usize(..4)], 0, 0, 0, 0, 0, 0, 0];
            message.extend(&inner.bytes()[14..]);
            (icmp, message)
        }
        17 => (132, bytes(random, 12)),
        18 => ([47, 50, 59, 103, 255][random.usize(..5)], bytes(random, 8)),
        _ => {
            let length = random.usize(..60);
            (random.u8(..), bytes(random, length))
        }
    }
}

fn ipv4(random: &mut Rng, from: IpAddr, to: IpAddr, protocol: u8, body: Vec<u8>) -> Vec<u8> {
    let options = match random.u8(..12) {
        0 => vec![1, 1, 1, 0],
        1 => vec![148, 4, 0, 0],
        2 => vec![[131, 137, 7][random.usize(..3)], 7, 4, 192, 0, 2, 9, 0],
        3 => {
            let words = random.usize(..11);
            bytes(random, words * 4)
        }
        _ => Vec::new(),
    };
    let mut frame = Frame::ip(from, to, protocol, &[options.clone(), body].concat())
        .bytes()
        .to_vec();
    frame[14] = 0x45 + (options.len() / 4) as u8;
    if random.u8(..6) == 0 {
        let [high, low] = fragment_offset(random).to_be_bytes();
        let more = if random.bool() { 0x20 } else { 0 };
        frame[20] = more | (high & 0x1f);
        frame[21] = low;
        // Few datagrams, so that some fragments find their first.
        frame[19] = random.u8(..3);
        even(random, &mut frame, 16, 14);
    }
    frame
}

fn ipv6(random: &mut Rng, from: IpAddr, to: IpAddr, protocol: u8, body: Vec<u8>) -> Vec<u8> {
    let mut first = protocol;
    let mut payload = body;
    if random.u8(..3) == 0 {
        for _ in 0..random.usize(1..=3) {
            extend(random, &mut first, &mut payload);
        }
    }
    if random.u8(..60) == 0 {
        for _ in 0..random.usize(4..9) {
            payload.splice(0..0, [first, 0, 1, 4, 0, 0, 0, 0]);
            first = 60;
        }
    }
    let mut frame = Frame::ip(from, to, first, &payload).bytes().to_vec();
    if random.u8(..4) == 0 || (protocol == 58 && random.bool()) {
        frame[21] = [1, 255][random.usize(..2)];
    }
    even(random, &mut frame, 18, 54);
    frame
}

/// Puts an extension header in front.
fn extend(random: &mut Rng, first: &mut u8, payload: &mut Vec<u8>) {
    let kind = [0, 43, 44, 44, 44, 51, 60][random.usize(..7)];
    let header = match kind {
        44 => {
            let field = fragment_offset(random) << 3 | u16::from(random.bool());
            let [high, low] = field.to_be_bytes();
            vec![*first, 0, high, low, 0, 0, 0, random.u8(..3)]
        }
        43 => vec![*first, 0, 4, u8::from(random.u8(..3) == 0), 0, 0, 0, 0],
        51 => {
            let mut header = vec![*first, 1];
            header.resize(12, 0);
            header
        }
        _ => {
            let units = random.u8(..3);
            let mut header = vec![*first, units, 1, 4];
            header.resize(8 + usize::from(units) * 8, 0);
            header
        }
    };
    payload.splice(0..0, header);
    *first = kind;
}

fn fragment_offset(random: &mut Rng) -> u16 {
    match random.u8(..6) {
        0..3 => 0,
        3 => 1,
        4 => random.u16(..0x2000),
        _ => 2,
    }
}

/// Most fragments have whole units of eight bytes. `length` is where the length field is, `from` what
/// it counts from.
fn even(random: &mut Rng, frame: &mut Vec<u8>, length: usize, from: usize) {
    if random.u8(..8) == 0 {
        return;
    }
    let header = if from == 14 {
        usize::from(frame[14] & 0x0f) * 4
    } else {
        0
    };
    while !(frame.len() - from - header).is_multiple_of(8) {
        frame.push(0);
    }
    let [high, low] = ((frame.len() - from) as u16).to_be_bytes();
    frame[length] = high;
    frame[length + 1] = low;
}

fn damage(random: &mut Rng, frame: &mut Vec<u8>) {
    // Headers are what matters.
    let at = random.usize(..frame.len().min(14 + 40 + 60));
    match random.u8(..10) {
        0..3 => frame[at] ^= 1 << random.u8(..8),
        3 | 4 => frame[at] = random.u8(..),
        5 => frame[at] = [0, 1, 4, 5, 6, 8, 43, 44, 51, 58, 60, 0xff][random.usize(..12)],
        6 => frame.truncate(random.usize(1..=frame.len())),
        7 => {
            let length = random.usize(..40);
            frame.extend(bytes(random, length));
        }
        8 => {
            // Length fields, a little off: of IPv4, IPv6, UDP behind either.
            let at = [16, 18, 38, 58][random.usize(..4)];
            if let Some([high, low]) = frame.get(at..at + 2) {
                let length = u16::from_be_bytes([*high, *low]);
                let length = length.wrapping_add(random.u16(..17)).wrapping_sub(8);
                frame.splice(at..at + 2, length.to_be_bytes());
            }
        }
        _ => {
            // A piece once more.
            let end = (at + random.usize(1..20)).min(frame.len());
            let piece = frame[at..end].to_vec();
            frame.splice(at..at, piece);
        }
    }
}

fn bytes(random: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.u8(..)).collect()
}
