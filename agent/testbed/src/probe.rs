//! One packet's worth of real traffic, from a chosen address.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{
    Namespace, Outcome,
    host::{PATIENCE, echo, outcome},
    ping,
};

/// What to send, and what counts as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A TCP connection, over which a byte must come back.
    Tcp(u16),
    /// A TCP connection, over which `GET /` must be answered with 200.
    Http(u16),
    /// A datagram, which must come back.
    Udp(u16),
    /// An ICMP message of the address's family, and the answer that it asks for.
    Icmp {
        /// Its type. Only echo and, in IPv4, timestamp requests are ever answered.
        kind: u8,
        /// Its code.
        code: u8,
    },
}

impl Namespace {
    /// Sends a probe from one of the namespace's addresses.
    ///
    /// # Errors
    /// What is neither an answer nor its absence.
    pub fn probe(&self, probe: Probe, from: IpAddr, to: IpAddr) -> io::Result<Outcome> {
        self.run(|| {
            outcome(match probe {
                Probe::Tcp(port) => open_tcp(from, to, port).and_then(|stream| echo(&stream)),
                Probe::Http(port) => open_tcp(from, to, port).and_then(|stream| get(stream, to)),
                Probe::Udp(port) => datagram(from, to, port),
                Probe::Icmp { kind, code } => ping::ask(from, to, (kind, code), PATIENCE),
            })
        })?
    }
}

fn open_tcp(from: IpAddr, to: IpAddr, port: u16) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address((to, port).into()),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&SocketAddr::new(to, port).into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn get(mut stream: TcpStream, host: IpAddr) -> io::Result<()> {
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "unexpected answer `{}`",
            answer.lines().next().unwrap_or("")
        )))
    }
}

fn datagram(from: IpAddr, to: IpAddr, port: u16) -> io::Result<()> {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((to, port))?;
    socket.send(b"ping")?;
    socket.recv(&mut [0; 16]).map(|_| ())
}
