//! How the datapath follows flows: which table they are in, what moves their state, what does not,
//! and how they end.

use std::net::IpAddr;

use polc_abi::{
    flow::Flow,
    lifetime,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    tcp::{
        TcpState,
        flag::{ACK, FIN, RST, SYN},
    },
    verdict::DropReason,
};
use polc_agent::{sweeper, sys::event};
use polc_model::{
    Action,
    Direction::{Egress, Ingress},
};
use polc_testbed::Frame;

use crate::hooks::Hooks;

/// First numbers of both ends; the second wraps soon.
const THERE: u32 = 5_000;
const BACK: u32 = u32::MAX - 1;

/// A connection of somebody outside to the endpoint's port 80.
struct Connection<'a> {
    hooks: &'a mut Hooks,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl<'a> Connection<'a> {
    fn new(hooks: &'a mut Hooks, family: Family, port: u16) -> Self {
        let (client, server) = match family {
            Family::V4 => ("192.0.2.7", "10.0.0.2"),
            Family::V6 => ("2001:db8::7", "fd00::2"),
        };
        Self {
            hooks,
            client: (client.parse().unwrap(), port),
            server: (server.parse().unwrap(), 80),
        }
    }

    /// A segment of the client, with numbers relative to the first ones. Why it was dropped, if so.
    fn client(&mut self, flags: u8, sequence: u32, ack: u32, payload: &[u8]) -> Option<DropReason> {
        let numbers = [THERE.wrapping_add(sequence), BACK.wrapping_add(ack)];
        let frame = Frame::segment(self.client, self.server, flags, numbers, payload);
        let seen = self.hooks.send(Ingress, &frame);
        assert_eq!(seen.result == RETURN_PASS, seen.reason().is_none());
        seen.reason()
    }

    /// A segment of the server.
    fn server(&mut self, flags: u8, sequence: u32, ack: u32, payload: &[u8]) -> Option<DropReason> {
        let numbers = [BACK.wrapping_add(sequence), THERE.wrapping_add(ack)];
        let frame = Frame::segment(self.server, self.client, flags, numbers, payload);
        self.hooks.send(Egress, &frame).reason()
    }

    fn open(&mut self) {
        assert_eq!(self.client(SYN, 0, 0, &[]), None);
        assert_eq!(self.server(SYN | ACK, 0, 1, &[]), None);
        assert_eq!(self.client(ACK, 1, 1, &[]), None);
    }

    /// Settled flows and new ones.
    fn tables(&self) -> (Vec<Flow>, Vec<Flow>) {
        let flows = |map: &polc_agent::sys::map::Map<_, Flow>| {
            let entries = map.entries().unwrap();
            entries.into_iter().map(|(_, flow)| flow).collect()
        };
        (flows(&self.hooks.flows), flows(&self.hooks.new_flows))
    }

    fn state(&self) -> TcpState {
        let (settled, new) = self.tables();
        let [flow] = [settled, new].concat()[..] else {
            panic!("not one flow");
        };
        flow.tcp_state()
    }

    fn forget(&mut self) {
        self.hooks.flows.clear().unwrap();
        self.hooks.new_flows.clear().unwrap();
    }
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

fn on_both_families(test: &str, story: impl Fn(&mut Connection<'_>) + Send + Sync) {
    super::on_a_node(test, &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, test, Action::Allow);
        for family in [Family::V4, Family::V6] {
            let mut connection = Connection::new(&mut hooks, family, 4000);
            story(&mut connection);
            connection.forget();
        }
    });
}

#[test]
fn a_connection_is_settled_when_its_handshake_is_complete() {
    on_both_families("settled", |one| {
        assert_eq!(one.client(SYN, 0, 0, &[]), None);
        assert_eq!(one.state(), TcpState::SynSent);
        assert_eq!(one.server(SYN | ACK, 0, 1, &[]), None);
        assert_eq!(one.state(), TcpState::SynReceived);
        // The answer to a forged SYN may never have been seen by who acknowledges it.
        assert_eq!(one.client(ACK, 1, 77, &[]), None);
        assert_eq!(one.tables().0, []);

        assert_eq!(one.client(ACK, 1, 1, &[]), None);
        assert_eq!(one.state(), TcpState::Established);
        let (settled, new) = one.tables();
        assert_eq!((settled.len(), new.len()), (1, 0));
        assert_eq!(
            (settled[0].forward_packets, settled[0].reply_packets),
            (3, 1)
        );
        // The answer, repeated, belongs to it as well.
        assert_eq!(one.server(SYN | ACK, 0, 1, &[]), None);
        assert_eq!(one.tables().0[0].reply_packets, 2);
    });
}

#[test]
fn a_connection_is_followed_to_its_end() {
    on_both_families("end", |one| {
        one.open();
        assert_eq!(one.client(ACK, 1, 1, b"question"), None);
        assert_eq!(one.client(FIN | ACK, 9, 1, &[]), None);
        assert_eq!(one.state(), TcpState::FinWait);
        assert_eq!(one.server(ACK, 1, 10, b"answer"), None);
        assert_eq!(one.state(), TcpState::CloseWait);
        assert_eq!(one.server(FIN | ACK, 7, 10, &[]), None);
        assert_eq!(one.state(), TcpState::LastAck);
        assert_eq!(one.client(ACK, 10, 8, &[]), None);
        assert_eq!(one.state(), TcpState::TimeWait);
        assert_eq!(one.tables().0, [], "is in nobody's way");
        assert_eq!(one.server(FIN | ACK, 7, 10, &[]), None);
        assert_eq!(one.client(ACK, 10, 8, &[]), None);
        // The same ports again, with other numbers: a flow of its own, in the place of the old one.
        assert_eq!(one.client(SYN, 90_000, 0, &[]), None);
        assert_eq!(one.server(SYN | ACK, 70_000, 90_001, &[]), None);
        assert_eq!(one.client(ACK, 90_001, 70_001, &[]), None);
        assert_eq!(one.state(), TcpState::Established);
        assert_eq!(one.tables().0[0].forward_packets, 2);
    });
}

#[test]
fn nobody_who_guesses_ends_a_connection() {
    on_both_families("blind", |one| {
        one.open();
        for (flags, sequence, ack) in [
            (RST, 2, 0),
            (RST, 0, 0),
            (RST, 1 << 31, 0),
            (RST | ACK, 1_000, 1),
            (FIN | ACK, 1, 2),
            (FIN | ACK, 1 << 27, 1),
            (SYN | ACK, 1, 1),
        ] {
            // It passes, for its receiver to judge.
            assert_eq!(one.client(flags, sequence, ack, &[]), None);
            assert_eq!(one.server(flags, sequence, ack, &[]), None);
            assert_eq!(one.state(), TcpState::Established);
        }
        // A SYN may be the client's, which has forgotten; until the server agrees, both are kept.
        assert_eq!(one.client(SYN, 600, 0, &[]), None);
        let (settled, new) = one.tables();
        assert_eq!((settled.len(), new.len()), (1, 1));
        assert_eq!(one.server(ACK, 1, 1, b"still here"), None);
        assert_eq!(one.tables().0[0].reply_packets, 9);
        // The client says that it has.
        assert_eq!(one.client(RST, 1, 0, &[]), None);
        let (settled, new) = one.tables();
        assert_eq!((settled.len(), new.len()), (0, 1));
        assert_eq!(new[0].tcp_state(), TcpState::SynSent);
    });
}

#[test]
fn a_refused_connection_is_over_and_may_be_tried_again() {
    on_both_families("refused", |one| {
        assert_eq!(one.client(SYN, 0, 0, &[]), None);
        assert_eq!(one.server(RST | ACK, 0, 5, &[]), None);
        assert_eq!(one.state(), TcpState::SynSent);
        assert_eq!(one.server(RST | ACK, 0, 1, &[]), None);
        assert_eq!(one.state(), TcpState::Closed);
        assert_eq!(one.client(SYN, 0, 0, &[]), None);
        assert_eq!(one.state(), TcpState::SynSent);
        assert_eq!(one.tables().1[0].reply_packets, 0);
    });
}

#[test]
fn silence_ends_a_connection_in_every_state() {
    on_both_families("silence", |one| {
        for state in TcpState::ALL {
            let lifetime = lifetime::of_connection(state);
            // A machine that was not up for five days cannot have been silent for as long.
            if lifetime + 1_000_000_000 > event::monotonic_ns() {
                eprintln!("not tried: {state:?}, as the machine is not up for long enough");
                continue;
            }
            for (silence, expected) in [
                (lifetime - 1_000_000_000, None),
                (lifetime + 1_000_000_000, Some(DropReason::NoConnection)),
            ] {
                one.forget();
                reach(one, state);
                assert_eq!(one.state(), state);
                age(one, silence);
                assert_eq!(one.client(ACK, 1, 1, &[]), expected, "{state:?}");
            }
            assert_eq!(one.tables().0, [], "what has ended is forgotten: {state:?}");
        }
    });
}

/// Brings a connection into a state.
fn reach(one: &mut Connection<'_>, state: TcpState) {
    if state == TcpState::SynSent {
        one.client(SYN, 0, 0, &[]);
        return;
    }
    if state == TcpState::SynReceived {
        one.client(SYN, 0, 0, &[]);
        one.server(SYN | ACK, 0, 1, &[]);
        return;
    }
    one.open();
    if state == TcpState::Closed {
        one.server(RST, 1, 0, &[]);
    }
    if matches!(
        state,
        TcpState::FinWait | TcpState::CloseWait | TcpState::LastAck | TcpState::TimeWait
    ) {
        one.client(FIN | ACK, 1, 1, &[]);
    }
    if matches!(
        state,
        TcpState::CloseWait | TcpState::LastAck | TcpState::TimeWait
    ) {
        one.server(ACK, 1, 2, &[]);
    }
    if matches!(state, TcpState::LastAck | TcpState::TimeWait) {
        one.server(FIN | ACK, 1, 2, &[]);
    }
    if state == TcpState::TimeWait {
        one.client(ACK, 2, 2, &[]);
    }
}

/// As if every flow had been silent for so many nanoseconds.
fn age(one: &mut Connection<'_>, silence: u64) {
    let now = event::monotonic_ns();
    for map in [&one.hooks.flows, &one.hooks.new_flows] {
        for (key, flow) in map.entries().unwrap() {
            let seen_ns = now - silence;
            map.set(&key, &Flow { seen_ns, ..flow }).unwrap();
        }
    }
}

#[test]
fn the_sweeper_forgets_what_is_over_and_nothing_else() {
    super::on_a_node("sweeper", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "sweeper", Action::Allow);
        for port in 4000..4010 {
            Connection::new(&mut hooks, Family::V6, port).open();
        }
        let now = event::monotonic_ns();
        assert_eq!(sweeper::sweep(&hooks.flows, now).unwrap(), 0);
        // Half of them closed by one end, and silent since.
        for port in 4000..4005 {
            let mut one = Connection::new(&mut hooks, Family::V6, port);
            assert_eq!(one.client(FIN | ACK, 1, 1, &[]), None);
        }
        let later = event::monotonic_ns() + lifetime::FIN_WAIT;
        assert_eq!(sweeper::sweep(&hooks.flows, later + 1).unwrap(), 5);
        assert_eq!(hooks.flows.keys().unwrap().len(), 5);
        for port in 4005..4010 {
            let mut one = Connection::new(&mut hooks, Family::V6, port);
            assert_eq!(one.server(ACK, 1, 1, b"still here"), None);
        }
    });
}

#[test]
fn datagrams_settle_when_their_sender_goes_on_after_an_answer() {
    super::on_a_node("datagrams", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "datagrams", Action::Allow);
        for (protocol, settles) in [(17, true), (132, true), (47, true), (1, false)] {
            let ends = ("192.0.2.7".parse().unwrap(), "10.0.0.2".parse().unwrap());
            let (there, back) = match protocol {
                1 => (vec![8, 0, 0, 0, 0, 9, 0, 1], vec![0, 0, 0, 0, 0, 9, 0, 1]),
                17 => (vec![9, 9, 0, 53, 0, 8, 0, 0], vec![0, 53, 9, 9, 0, 8, 0, 0]),
                _ => (vec![7; 12], vec![7; 12]),
            };
            let there = Frame::ip(ends.0, ends.1, protocol, &there);
            let back = Frame::ip(ends.1, ends.0, protocol, &back);
            let packets = [(Ingress, &there), (Egress, &back), (Ingress, &there)];
            let mut settled = Vec::new();
            for (direction, frame) in packets {
                assert_eq!(hooks.send(direction, frame).result, RETURN_PASS);
                settled.push(!hooks.flows.keys().unwrap().is_empty());
            }
            assert_eq!(settled, [false, false, settles], "protocol {protocol}");
            let all = [&hooks.flows, &hooks.new_flows].map(|map| map.entries().unwrap());
            let [(_, flow)] = all.concat()[..] else {
                panic!("not one flow")
            };
            assert_eq!((flow.forward_packets, flow.reply_packets), (2, 1));
            hooks.flows.clear().unwrap();
            hooks.new_flows.clear().unwrap();
        }
    });
}

#[test]
fn a_policy_that_changes_judges_flows_of_both_tables_again() {
    super::on_a_node("judged-again", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "judged-again", Action::Allow);
        Connection::new(&mut hooks, Family::V4, 4000).open();
        let mut half = Connection::new(&mut hooks, Family::V4, 4001);
        assert_eq!(half.client(SYN, 0, 0, &[]), None);
        let expected = |hooks: &mut Hooks, denied: Option<DropReason>| {
            let mut open = Connection::new(hooks, Family::V4, 4000);
            assert_eq!(open.client(ACK, 1, 1, &[]), denied);
            assert_eq!(open.server(ACK, 1, 1, &[]), denied);
            let mut half = Connection::new(hooks, Family::V4, 4001);
            assert_eq!(half.server(SYN | ACK, 0, 1, &[]), denied);
        };
        hooks.put_in_force(Action::Deny);
        expected(&mut hooks, Some(DropReason::Policy));
        assert_eq!(hooks.new_flows.keys().unwrap().len(), 1, "is kept");
        hooks.put_in_force(Action::Allow);
        expected(&mut hooks, None);
        hooks.put_in_force(Action::Reject);
        let frame = Frame::segment(
            ("10.0.0.2".parse().unwrap(), 80),
            ("192.0.2.7".parse().unwrap(), 4000),
            RST,
            [BACK, 0],
            &[],
        );
        assert_eq!(hooks.send(Egress, &frame).result, RETURN_ON_FAILURE);
    });
}
