//! ICMP echo.

use std::{
    io::{self, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Identifiers of our own, so that concurrent pings are not taken for each other.
static NEXT: AtomicU16 = AtomicU16::new(1);

/// Sends one echo request, from whatever address the system chooses, and waits for the answer.
pub(crate) fn ping(to: IpAddr, patience: Duration) -> io::Result<()> {
    let (any, kind) = match to {
        IpAddr::V4(_) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
        IpAddr::V6(_) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128),
    };
    ask(any, to, (kind, 0), patience)
}

/// Sends one message and waits for the answer that it asks for.
pub(crate) fn ask(
    from: IpAddr,
    to: IpAddr,
    (kind, code): (u8, u8),
    patience: Duration,
) -> io::Result<()> {
    let identifier = NEXT.fetch_add(1, Ordering::Relaxed) ^ (std::process::id() as u16) << 6;
    let [id_high, id_low] = identifier.to_be_bytes();
    let answer = match (to, kind) {
        (IpAddr::V4(_), 8) => 0,
        _ => kind.wrapping_add(1),
    };
    // As long as a timestamp message, and longer than an echo needs.
    let mut message = [0; 20];
    message[..8].copy_from_slice(&[kind, code, 0, 0, id_high, id_low, 0, 1]);
    message[8..12].copy_from_slice(b"polc");
    if to.is_ipv4() {
        // ICMPv6's is the kernel's job: it covers addresses.
        let [high, low] = checksum(&message).to_be_bytes();
        message[2] = high;
        message[3] = low;
    }
    let mut socket = icmp_socket(from, patience)?;
    // Only a connected socket is told about errors.
    socket.connect(&SocketAddr::new(to, 0).into())?;
    socket.send(&message)?;
    let deadline = Instant::now() + patience;
    let mut buffer = [0; 256];
    while Instant::now() < deadline {
        let length = socket.read(&mut buffer)?;
        let packet = buffer.get(..length).unwrap_or_default();
        // IPv4 raw sockets hand over the IP header too.
        let start = match (to, packet.first()) {
            (IpAddr::V4(_), Some(first)) => usize::from(first & 0x0f) * 4,
            _ => 0,
        };
        let icmp = packet.get(start..).unwrap_or_default();
        if icmp.first() == Some(&answer) && icmp.get(4..6) == Some(&[id_high, id_low]) {
            return Ok(());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn icmp_socket(from: IpAddr, patience: Duration) -> io::Result<Socket> {
    let name = SocketAddr::new(from, 0);
    let protocol = if from.is_ipv4() {
        Protocol::ICMPV4
    } else {
        Protocol::ICMPV6
    };
    let socket = Socket::new(Domain::for_address(name), Type::RAW, Some(protocol))?;
    socket.bind(&name.into())?;
    socket.set_read_timeout(Some(patience))?;
    Ok(socket)
}

/// The Internet checksum (RFC 1071).
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        let high = u32::from(pair.first().copied().unwrap_or(0));
        let low = u32::from(pair.get(1).copied().unwrap_or(0));
        sum += high << 8 | low;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_of_a_summed_message_is_zero() {
        let mut message = [8, 0, 0, 0, 1, 2, 0, 1, 9];
        let [high, low] = super::checksum(&message).to_be_bytes();
        message[2] = high;
        message[3] = low;
        assert_eq!(super::checksum(&message), 0);
    }
}
