//! How long a flow is remembered in silence: an address and port are other people's by then.
//!
//! The numbers are nf_conntrack's defaults, but for [`CLOSE_WAIT`]: there it is 60 seconds, after
//! which nf_conntrack picks up what still comes as a connection of its own. Here nothing is picked
//! up in the middle, so a connection that one end has closed, and that waits for the other's
//! answer, has as long as RFC 5382 (REQ-5: no less than 4 minutes) asks for and a little more.
//! Five days for an established connection cost nothing: the table takes the place of who was
//! silent longest, and fewer would cut off who sends no keep-alive (Linux: after two hours, and
//! only if asked to).

use crate::{flow::Flow, key::protocol, tcp::TcpState};

const SECOND: u64 = 1_000_000_000;

/// A SYN without an answer.
pub const SYN_SENT: u64 = 120 * SECOND;
/// An answered SYN without its acknowledgement.
pub const SYN_RECEIVED: u64 = 60 * SECOND;
/// An open connection.
pub const ESTABLISHED: u64 = 432_000 * SECOND;
/// One end has sent its FIN.
pub const FIN_WAIT: u64 = 120 * SECOND;
/// One end has closed; the other may still send.
pub const CLOSE_WAIT: u64 = 600 * SECOND;
/// Both have sent a FIN.
pub const LAST_ACK: u64 = 30 * SECOND;
/// Closed by both.
pub const TIME_WAIT: u64 = 120 * SECOND;
/// Reset.
pub const CLOSED: u64 = 10 * SECOND;
/// UDP that nobody answered.
pub const UDP_UNANSWERED: u64 = 30 * SECOND;
/// UDP that was answered.
pub const UDP: u64 = 120 * SECOND;
/// ICMP.
pub const ICMP: u64 = 30 * SECOND;
/// Every other protocol.
pub const OTHERS: u64 = 600 * SECOND;

/// What a first fragment said: as long as receivers wait for the others (RFC 8200, 4.5; Linux waits
/// 30 seconds for IPv4's).
pub const FRAGMENTS: u64 = 60 * SECOND;

/// Nanoseconds of silence that end a TCP connection.
#[inline(always)]
#[must_use]
pub const fn of_connection(state: TcpState) -> u64 {
    match state {
        TcpState::SynSent => SYN_SENT,
        TcpState::SynReceived => SYN_RECEIVED,
        TcpState::Established => ESTABLISHED,
        TcpState::FinWait => FIN_WAIT,
        TcpState::CloseWait => CLOSE_WAIT,
        TcpState::LastAck => LAST_ACK,
        TcpState::TimeWait => TIME_WAIT,
        TcpState::Closed => CLOSED,
    }
}

/// Nanoseconds of silence that end a flow of a protocol.
#[inline(always)]
#[must_use]
pub const fn of(protocol: u8, flow: &Flow) -> u64 {
    match protocol {
        protocol::TCP => of_connection(flow.tcp_state()),
        protocol::UDP if flow.reply_packets == 0 => UDP_UNANSWERED,
        protocol::UDP => UDP,
        protocol::ICMP | protocol::ICMPV6 => ICMP,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_connection_outlives_every_other_flow() {
        for state in TcpState::ALL {
            assert!(of_connection(state) <= ESTABLISHED);
        }
        let unanswered = Flow::default();
        let answered = Flow {
            reply_packets: 1,
            ..unanswered
        };
        assert!(of(protocol::UDP, &unanswered) < of(protocol::UDP, &answered));
        assert_eq!(of(protocol::TCP, &answered), SYN_SENT);
        assert_eq!(of(protocol::SCTP, &unanswered), OTHERS);
    }
}
