use std::vec::Vec;

use super::{
    Segment, TcpEnd, TcpState, WINDOW,
    flag::{ACK, FIN, RST, SYN},
    observe, progress,
};

/// A connection whose initiator begins with 1000 and whose responder begins near the wrap.
#[derive(Clone, Copy, Default)]
struct Connection {
    initiator: TcpEnd,
    responder: TcpEnd,
}

const THERE: u32 = 1000;
const BACK: u32 = u32::MAX - 3;

#[derive(Clone, Copy)]
enum Sender {
    Initiator,
    Responder,
}
use Sender::{Initiator, Responder};

impl Connection {
    fn state(&self) -> TcpState {
        TcpState::of(self.initiator.progress, self.responder.progress)
    }

    /// Sends; numbers are relative to the ends' first ones. Whether it was believed.
    fn send(&mut self, from: Sender, flags: u8, sequence: u32, ack: u32, length: u32) -> bool {
        let (own, other) = match from {
            Initiator => (THERE, BACK),
            Responder => (BACK, THERE),
        };
        let segment = Segment {
            sequence: own.wrapping_add(sequence),
            acknowledgement: other.wrapping_add(ack),
            length,
            flags,
        };
        let (sender, receiver) = match from {
            Initiator => (self.initiator, self.responder),
            Responder => (self.responder, self.initiator),
        };
        let Some((sender, receiver)) = observe(sender, receiver, segment) else {
            return false;
        };
        (self.initiator, self.responder) = match from {
            Initiator => (sender, receiver),
            Responder => (receiver, sender),
        };
        true
    }

    fn established() -> Self {
        let mut connection = Self::default();
        assert!(connection.send(Initiator, SYN, 0, 0, 0));
        assert!(connection.send(Responder, SYN | ACK, 0, 1, 0));
        assert!(connection.send(Initiator, ACK, 1, 1, 0));
        connection
    }
}

#[test]
fn a_connection_opens_talks_and_closes() {
    let mut one = Connection::default();
    let mut states = Vec::new();
    for (from, flags, sequence, ack, length) in [
        (Initiator, SYN, 0, 0, 0),
        (Responder, SYN | ACK, 0, 1, 0),
        (Initiator, ACK, 1, 1, 0),
        (Initiator, ACK, 1, 1, 100),
        (Responder, ACK, 1, 101, 50),
        (Initiator, FIN | ACK, 101, 51, 0),
        (Responder, ACK, 51, 102, 0),
        (Responder, ACK, 51, 102, 200),
        (Responder, FIN | ACK, 251, 102, 0),
        (Initiator, ACK, 102, 252, 0),
    ] {
        assert!(one.send(from, flags, sequence, ack, length), "{sequence}");
        states.push(one.state());
    }
    use TcpState::{CloseWait, Established, FinWait, LastAck, SynReceived, SynSent, TimeWait};
    assert_eq!(
        states,
        [
            SynSent,
            SynReceived,
            Established,
            Established,
            Established,
            FinWait,
            CloseWait,
            CloseWait,
            LastAck,
            TimeWait
        ]
    );
}

#[test]
fn both_ends_may_close_at_once() {
    let mut one = Connection::established();
    assert!(one.send(Initiator, FIN | ACK, 1, 1, 10));
    assert!(one.send(Responder, FIN | ACK, 1, 1, 0));
    assert_eq!(one.state(), TcpState::LastAck);
    assert!(one.send(Initiator, ACK, 12, 2, 0));
    assert_eq!(one.state(), TcpState::LastAck);
    assert!(one.send(Responder, ACK, 2, 12, 0));
    assert_eq!(one.state(), TcpState::TimeWait);
}

#[test]
fn a_repeated_fin_is_one_ends_alone() {
    let mut one = Connection::established();
    for _ in 0..3 {
        assert!(one.send(Initiator, FIN | ACK, 1, 1, 0));
        assert_eq!(one.state(), TcpState::FinWait);
    }
}

#[test]
fn a_syn_may_be_repeated_and_replaced_until_it_is_answered() {
    let mut one = Connection::default();
    for first in [0, 0, 5000] {
        assert!(one.send(Initiator, SYN, first, 0, 0));
        assert_eq!(one.state(), TcpState::SynSent);
    }
    assert!(
        !one.send(Responder, SYN | ACK, 0, 1, 0),
        "answers the old one"
    );
    assert!(one.send(Responder, SYN | ACK, 0, 5001, 0));
    assert!(!one.send(Initiator, SYN, 9000, 0, 0));
    assert_eq!(one.state(), TcpState::SynReceived);
}

#[test]
fn payload_of_a_syn_may_be_taken_or_refused() {
    for acknowledged in [1, 21] {
        let mut one = Connection::default();
        assert!(one.send(Initiator, SYN, 0, 0, 20));
        assert!(one.send(Responder, SYN | ACK, 0, acknowledged, 0));
        assert_eq!(one.state(), TcpState::SynReceived);
    }
}

#[test]
fn only_the_answer_to_the_syn_refuses_a_connection() {
    let mut one = Connection::default();
    assert!(one.send(Initiator, SYN, 0, 0, 0));
    for (flags, ack) in [(RST, 1), (RST | ACK, 0), (RST | ACK, 2), (ACK, 1)] {
        assert!(!one.send(Responder, flags, 7, ack, 0));
    }
    assert!(one.send(Responder, RST | ACK, 7, 1, 0));
    assert_eq!(one.state(), TcpState::Closed);
}

#[test]
fn only_a_reset_with_the_expected_number_closes() {
    let established = Connection::established();
    for sequence in [0, 2, 100, WINDOW, u32::MAX / 2, u32::MAX] {
        for from in [Initiator, Responder] {
            let mut one = established;
            assert!(!one.send(from, RST, sequence, 0, 0), "{sequence}");
            assert!(!one.send(from, RST | ACK, sequence, 1, 0), "{sequence}");
            assert_eq!(one.state(), TcpState::Established);
        }
    }
    for from in [Initiator, Responder] {
        let mut one = established;
        assert!(one.send(from, RST, 1, 0, 0));
        assert_eq!(one.state(), TcpState::Closed);
    }
    // Behind data that was not acknowledged yet.
    let mut one = established;
    assert!(one.send(Responder, ACK, 1, 1, 500));
    assert!(one.send(Responder, RST | ACK, 501, 1, 0));
    assert_eq!(one.state(), TcpState::Closed);
}

#[test]
fn segments_of_somebody_else_change_nothing() {
    let established = Connection::established();
    for (flags, sequence, ack) in [
        (FIN | ACK, WINDOW + 2, 1),
        (FIN | ACK, 1, 2),
        (FIN | ACK, 1, u32::MAX),
        (FIN, 1, 1),
        (SYN, 1, 1),
        (SYN | ACK, 1, 2),
        (0, 1, 1),
    ] {
        for from in [Initiator, Responder] {
            let mut one = established;
            assert!(!one.send(from, flags, sequence, ack, 0), "{flags:#x}");
        }
    }
}

#[test]
fn lost_and_reordered_segments_are_followed() {
    let mut one = Connection::established();
    // The segment before this one was lost on its way here.
    assert!(one.send(Responder, ACK, 1501, 1, 1500));
    assert!(one.send(Initiator, ACK, 1, 1, 0));
    assert!(one.send(Responder, ACK, 1, 1, 1500));
    assert!(one.send(Initiator, ACK, 1, 3001, 0));
    // A keep-alive has the number before what is expected.
    assert!(one.send(Responder, ACK, 3000, 1, 0));
    assert!(one.send(Responder, FIN | ACK, 3001, 1, 0));
    assert_eq!(one.state(), TcpState::FinWait);
}

/// Whatever comes, in whatever order: the state never goes back, but for the first SYN, and only
/// from a handshake with both numbers comes a connection.
#[test]
fn states_only_go_forward() {
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below) as u32
    };
    let mut seen = [0_u32; 9];
    for _ in 0..10_000 {
        let mut one = Connection::default();
        assert!(one.send(Initiator, SYN, 0, 0, 0));
        for _ in 0..60 {
            let before = one.state();
            let from = if random(2) == 0 { Initiator } else { Responder };
            let flags = match random(60) {
                0 => RST,
                1 => RST | ACK,
                2..10 => SYN,
                10..20 => SYN | ACK,
                20..24 => FIN | ACK,
                24 => 0,
                _ => ACK,
            };
            one.send(from, flags, random(4), random(4), random(2));
            assert!(one.state() >= before, "{before:?} to {:?}", one.state());
            seen[one.state() as usize] += 1;
        }
        let both = one.initiator.progress & one.responder.progress;
        assert!(!one.state().is_open() || both & progress::SYN_ACKNOWLEDGED != 0);
    }
    for state in TcpState::ALL {
        assert!(seen[state as usize] > 0, "{state:?} never seen");
    }
}
