//! The state of a TCP connection, as somebody on the way sees it.
//!
//! Each end's half is written by that end's packets alone, so that CPUs that see the two
//! directions at the same time never undo each other's work, and [`TcpState`] follows from both
//! halves. States and their names are those of nf_conntrack.
//!
//! # Whom a segment is believed
//! A peer's address can be forged, so a segment only moves the state when its numbers fit: it
//! acknowledges something between the last acknowledgement and what the other end has sent, and
//! lies no further than [`WINDOW`] from what the other end expects. A reset ends a connection only
//! when it has exactly the number that its receiver expects next (RFC 5961, 3.2), or follows the
//! last segment of its sender; one that refuses a connection must acknowledge its SYN (RFC 9293,
//! 3.10.7.3).
//!
//! A segment that is not believed still passes: its receiver knows better, and may have to answer
//! it (RFC 5961's challenge ACK). It is only not taken for the end of the connection. Window scaling
//! is not followed, so this is no validation of sequence numbers.

/// Flags of the TCP header.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Opens a connection.
    pub const SYN: u8 = 2;
    /// Resets the connection.
    pub const RST: u8 = 4;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 16;
}

/// What a segment says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of its first byte.
    pub sequence: u32,
    /// The number that its sender expects next, if [`flag::ACK`] is set.
    pub acknowledgement: u32,
    /// Bytes of payload.
    pub length: u32,
    /// Bits of [`flag`], and others.
    pub flags: u8,
}

/// One end's half of a connection: what its own segments said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TcpEnd {
    /// The number behind the last byte that it sent.
    pub next: u32,
    /// The number that it expects from the other end.
    pub acknowledged: u32,
    /// Bits of [`progress`].
    pub progress: u32,
}

impl TcpEnd {
    /// An end of a connection whose beginning nobody saw. Its numbers are not known, so that no segment
    /// is believed to end it.
    pub const IN_THE_MIDDLE: Self = Self {
        next: 0,
        acknowledged: 0,
        progress: progress::SYN | progress::SYN_ACKNOWLEDGED,
    };
}

/// What an end has done.
pub mod progress {
    /// It sent a SYN.
    pub const SYN: u32 = 1;
    /// It acknowledged the other's SYN.
    pub const SYN_ACKNOWLEDGED: u32 = 2;
    /// It sent a FIN.
    pub const FIN: u32 = 4;
    /// It acknowledged the other's FIN.
    pub const FIN_ACKNOWLEDGED: u32 = 8;
    /// It sent a reset that was believed.
    pub const RESET: u32 = 16;
}

/// How far from what is expected a segment may lie: as much as Linux lets a receive buffer grow
/// (`tcp_rmem`, 32 MiB since 6.16).
pub const WINDOW: u32 = 1 << 25;

/// Where a connection is between its SYN and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TcpState {
    /// A SYN was seen, and no answer to it.
    SynSent = 1,
    /// The SYN was answered.
    SynReceived = 2,
    /// The initiator has acknowledged the answer.
    Established = 3,
    /// One end has sent its FIN.
    FinWait = 4,
    /// The other end has acknowledged it, and may still send.
    CloseWait = 5,
    /// Both have sent a FIN, and not both were acknowledged.
    LastAck = 6,
    /// Both were.
    TimeWait = 7,
    /// Reset.
    Closed = 8,
}

impl TcpState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// What follows from the progress of both ends.
    #[inline(always)]
    #[must_use]
    pub const fn of(initiator: u32, responder: u32) -> Self {
        let either = initiator | responder;
        let both = initiator & responder;
        if either & progress::RESET != 0 {
            Self::Closed
        } else if responder & progress::SYN_ACKNOWLEDGED == 0 {
            Self::SynSent
        } else if initiator & progress::SYN_ACKNOWLEDGED == 0 {
            Self::SynReceived
        } else if either & progress::FIN == 0 {
            Self::Established
        } else if both & progress::FIN == 0 {
            if either & progress::FIN_ACKNOWLEDGED == 0 {
                Self::FinWait
            } else {
                Self::CloseWait
            }
        } else if both & progress::FIN_ACKNOWLEDGED == 0 {
            Self::LastAck
        } else {
            Self::TimeWait
        }
    }

    /// Whether both ends have agreed to the connection, and not both to its end.
    #[inline(always)]
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Established | Self::FinWait | Self::CloseWait | Self::LastAck
        )
    }

    /// Whether nothing more is to come.
    #[inline(always)]
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::TimeWait | Self::Closed)
    }
}

/// Whether the flags open a connection: SYN, and none of those that contradict it.
#[inline(always)]
#[must_use]
pub const fn opens(flags: u8) -> bool {
    flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN) == flag::SYN
}

/// Whether the flags answer what [`opens`] a connection.
#[inline(always)]
#[must_use]
pub const fn accepts(flags: u8) -> bool {
    flags & (flag::SYN | flag::ACK | flag::RST | flag::FIN) == flag::SYN | flag::ACK
}

/// The halves of sender and receiver after a segment, or `None` when it is not believed.
#[inline(always)]
#[must_use]
pub const fn observe(from: TcpEnd, to: TcpEnd, segment: Segment) -> Option<(TcpEnd, TcpEnd)> {
    if (from.progress | to.progress) & progress::RESET != 0 {
        return None;
    }
    if segment.flags & flag::RST != 0 {
        return reset(from, to, segment);
    }
    if segment.flags & flag::SYN != 0
        && (from.progress & progress::SYN == 0 || to.progress & progress::SYN == 0)
    {
        return synchronize(from, to, segment);
    }
    // From here on both ends have sent a SYN, or the segment makes no sense.
    if from.progress & progress::SYN == 0
        || segment.flags & flag::ACK == 0
        || !acknowledges(from, to, segment)
        || distance(segment.sequence, to.acknowledged).unsigned_abs() > WINDOW
    {
        return None;
    }
    let mut sender = from;
    sender.acknowledged = segment.acknowledgement;
    sender.progress |= progress::SYN_ACKNOWLEDGED;
    if to.progress & progress::FIN != 0 && segment.acknowledgement == to.next {
        sender.progress |= progress::FIN_ACKNOWLEDGED;
    }
    // Nothing comes behind a FIN.
    if from.progress & progress::FIN == 0 {
        let next = behind(segment);
        if distance(next, from.next) > 0 {
            sender.next = next;
        }
        if segment.flags & flag::FIN != 0 {
            sender.next = next;
            sender.progress |= progress::FIN;
        }
    }
    Some((sender, to))
}

/// A SYN, or the answer to one.
#[inline(always)]
const fn synchronize(from: TcpEnd, to: TcpEnd, segment: Segment) -> Option<(TcpEnd, TcpEnd)> {
    let (mut sender, mut receiver) = (from, to);
    if to.progress & progress::SYN == 0 {
        // The first of all, or another before anybody answered. What else it says is forgotten.
        if !opens(segment.flags) {
            return None;
        }
        sender.progress = progress::SYN;
    } else {
        if !accepts(segment.flags) || !acknowledges(from, to, segment) {
            return None;
        }
        sender.progress = progress::SYN | progress::SYN_ACKNOWLEDGED;
        sender.acknowledged = segment.acknowledgement;
    }
    sender.next = behind(segment);
    // The least that the other end can acknowledge: payload of a SYN may be refused (RFC 7413).
    receiver.acknowledged = segment.sequence.wrapping_add(1);
    Some((sender, receiver))
}

/// A reset.
#[inline(always)]
const fn reset(from: TcpEnd, to: TcpEnd, segment: Segment) -> Option<(TcpEnd, TcpEnd)> {
    let believed = if from.progress & progress::SYN == 0 {
        segment.flags & flag::ACK != 0 && acknowledges(from, to, segment)
    } else {
        segment.sequence == to.acknowledged || segment.sequence == from.next
    };
    if !believed {
        return None;
    }
    let mut sender = from;
    sender.progress |= progress::RESET;
    Some((sender, to))
}

/// Whether a segment acknowledges no less than its sender did before, and no more than there is.
#[inline(always)]
const fn acknowledges(from: TcpEnd, to: TcpEnd, segment: Segment) -> bool {
    distance(segment.acknowledgement, from.acknowledged) >= 0
        && distance(segment.acknowledgement, to.next) <= 0
}

/// The number behind a segment. SYN and FIN count as a byte each.
#[inline(always)]
const fn behind(segment: Segment) -> u32 {
    let syn = (segment.flags & flag::SYN != 0) as u32;
    let fin = (segment.flags & flag::FIN != 0) as u32;
    segment
        .sequence
        .wrapping_add(segment.length)
        .wrapping_add(syn + fin)
}

/// How far `left` is behind `right`, in arithmetic that wraps (RFC 9293, 3.4).
#[inline(always)]
const fn distance(left: u32, right: u32) -> i32 {
    left.wrapping_sub(right).cast_signed()
}

#[cfg(test)]
mod tests;
