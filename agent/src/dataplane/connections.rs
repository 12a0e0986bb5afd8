//! Connections that the node has when policies begin to apply to it.
//!
//! Who sees a connection only from its middle cannot tell whose policy speaks. The node's own kernel
//! can: which end opened one follows from what the node listens at. So its connections are made known
//! as flows that were judged before, and their next packets are judged by policy: nothing that is
//! allowed is cut, the session of whoever applies the policy least of all.

use std::{
    collections::BTreeSet,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use polc_abi::{
    flow::{Direction, Flow, FlowKey, Judgement},
    key::{L4Key, protocol},
    map,
    node::NODE,
    tcp::TcpEnd,
    verdict::{DeciderId, Verdict},
};
use polc_tables::address_bytes;

use crate::{Error, pins::Pins, sys::map::Map};

/// The kernel's lists of TCP sockets of this network namespace.
const LISTS: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// The table that they become known in.
pub(super) struct Connections {
    flows: Map<FlowKey, Flow>,
}

impl Connections {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        let flows = Map::open(&pins.map(map::FLOWS)).map_err(Error::kernel("opening flows"))?;
        Ok(Self { flows })
    }

    /// Makes the node's connections known, as of this epoch. Those that are known stay as they are.
    pub(super) fn make_known(&self, epoch: u32) -> Result<(), Error> {
        let mut sockets = Vec::new();
        for list in LISTS {
            match fs::read_to_string(list) {
                Ok(text) => sockets.extend(text.lines().skip(1).filter_map(socket)),
                // A kernel without IPv6 has no list of it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::file(list)(error)),
            }
        }
        for (key, flow) in flows(&sockets, epoch) {
            self.flows
                .add(&key, &flow)
                .map_err(Error::kernel("making a connection of the node's known"))?;
        }
        Ok(())
    }
}

/// A socket of the node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Listening,
    Connected,
    /// Packets that still come are nobody's.
    Over,
}

/// A line of a list. `None` for what is no socket.
fn socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = socket_address(words.next()?)?;
    let remote = socket_address(words.next()?)?;
    // Numbered as in the kernel's `tcp_states.h`.
    let state = match u8::from_str_radix(words.next()?, 16).ok()? {
        10 => State::Listening,
        // Close, and time-wait.
        6 | 7 => State::Over,
        _ => State::Connected,
    };
    Some(Socket {
        local,
        remote,
        state,
    })
}

/// Words of four bytes in the machine's order, a colon, and a port, all in hexadecimal digits.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(words.iter().flatten()) {
                *to = *from;
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// The flows of connections, judged in an epoch that is over.
fn flows(sockets: &[Socket], epoch: u32) -> Vec<(FlowKey, Flow)> {
    let served: BTreeSet<u16> = sockets
        .iter()
        .filter(|socket| socket.state == State::Listening)
        .map(|socket| socket.local.port())
        .collect();
    let connected = sockets
        .iter()
        .filter(|socket| socket.state == State::Connected && !socket.local.ip().is_loopback());
    connected
        .map(|socket| {
            let (local, remote) = (socket.local, socket.remote);
            let (direction, port) = if served.contains(&local.port()) {
                (Direction::Ingress, local.port())
            } else {
                (Direction::Egress, remote.port())
            };
            let key = FlowKey {
                ifindex: NODE,
                local_port: local.port(),
                remote_port: remote.port(),
                local: address_bytes(local.ip()),
                remote: address_bytes(remote.ip()),
                protocol: protocol::TCP,
                reserved: [0; 3],
            };
            let now = crate::sys::event::monotonic_ns();
            let flow = Flow {
                judgement: Judgement::new(epoch, Verdict::Allow, DeciderId::NO_POLICY).0,
                created_ns: now,
                seen_ns: now,
                l4: L4Key::port(protocol::TCP, port).0,
                direction: direction as u8,
                initiator: TcpEnd::IN_THE_MIDDLE,
                responder: TcpEnd::IN_THE_MIDDLE,
                ..Flow::default()
            };
            (key, flow)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0B00000A:0016 070200C0:D431 01 00000000:00000000 02:000A 00000000     0        0 2 2 0 20 4 30 10 -1
   2: 0B00000A:C350 080200C0:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:C351 0100007F:0016 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   4: 0B00000A:C352 080200C0:01BB 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0
";
    const TCP6: &str =
        "  sl  local_address                         remote_address                        st
   0: B80D0120000000000000000001000000:0050 B80D0120000000000000000007000000:D431 08 0:0 0:0 0 0 0 5
   1: 0000000000000000FFFF00000B00000A:0016 0000000000000000FFFF0000070200C0:D432 01 0:0 0:0 0 0 0 6
";

    fn known(text: &[&str]) -> Vec<(String, Direction, u16)> {
        let lines = text.iter().flat_map(|text| text.lines().skip(1));
        let sockets: Vec<Socket> = lines.map(|line| socket(line).unwrap()).collect();
        flows(&sockets, 7)
            .into_iter()
            .map(|(key, flow)| {
                assert_eq!(Judgement(flow.judgement).epoch(), 7);
                let ends = [(key.local, key.local_port), (key.remote, key.remote_port)];
                let [local, remote] =
                    ends.map(|(ip, port)| SocketAddr::new(polc_tables::address_of(ip), port));
                let direction = Direction::from_raw(flow.direction).unwrap();
                (format!("{local} {remote}"), direction, L4Key(flow.l4).low())
            })
            .collect()
    }

    #[test]
    fn who_opened_a_connection_follows_from_what_is_listened_at() {
        let known = known(&[TCP, TCP6]);
        let expected = [
            ("10.0.0.11:22 192.0.2.7:54321", Direction::Ingress, 22),
            ("10.0.0.11:50000 192.0.2.8:443", Direction::Egress, 443),
            (
                "[2001:db8::1]:80 [2001:db8::7]:54321",
                Direction::Egress,
                54321,
            ),
            ("10.0.0.11:22 192.0.2.7:54322", Direction::Ingress, 22),
        ];
        let expected = expected.map(|(ends, direction, port)| (ends.to_owned(), direction, port));
        assert_eq!(known, expected);
    }

    #[test]
    fn what_is_no_socket_is_none() {
        for line in [
            "",
            "0: x",
            "0: 0B00000A:0016 1:1 01",
            "0: 0B00000A:0016 070200C0:D431 zz",
        ] {
            assert_eq!(socket(line), None, "{line}");
        }
    }
}
