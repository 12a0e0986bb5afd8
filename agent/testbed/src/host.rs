//! A pod, or the host outside: what one can do there.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use crate::{Frame, Namespace, Server, ping, sys::Wire};

/// How long to wait for an answer. Everything is on one machine: what takes longer was dropped.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

/// A pod, or the host outside.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    addresses: Vec<IpAddr>,
}

/// What came of trying to reach something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Reached,
    /// No answer.
    Blocked,
    /// The host answered that nobody listens there: packets pass, or somebody says so in its
    /// place.
    Refused,
    /// Somebody on the way answered that packets cannot pass.
    Prohibited,
}

impl Host {
    pub(crate) const fn new(namespace: Namespace, addresses: Vec<IpAddr>) -> Self {
        Self {
            namespace,
            addresses,
        }
    }

    /// Its namespace.
    #[must_use]
    pub const fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its addresses.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Its first IPv4 address, if it has one.
    #[must_use]
    pub fn v4(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv4)
    }

    /// Its first IPv6 address, if it has one.
    #[must_use]
    pub fn v6(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv6)
    }

    /// Runs something there.
    ///
    /// # Errors
    /// As [`Namespace::run`].
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        self.namespace.run(work)
    }

    /// Serves TCP on all addresses: sends back what it gets.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_tcp(&self, port: u16) -> io::Result<Server> {
        self.namespace.serve_tcp(port)
    }

    /// Serves UDP on all addresses: sends back what it gets.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_udp(&self, port: u16) -> io::Result<Server> {
        self.namespace.serve_udp(port)
    }

    /// Opens a TCP connection that waits no longer than 400 ms for anything.
    ///
    /// # Errors
    /// As [`TcpStream::connect_timeout`].
    pub fn open_tcp(&self, to: IpAddr, port: u16) -> io::Result<TcpStream> {
        self.run(|| {
            let stream = TcpStream::connect_timeout(&SocketAddr::new(to, port), PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })?
    }

    /// Whether a TCP connection opens and a byte comes back.
    ///
    /// # Errors
    /// What is neither an answer nor its absence.
    pub fn connect_tcp(&self, to: IpAddr, port: u16) -> io::Result<Outcome> {
        outcome(self.open_tcp(to, port).and_then(|stream| echo(&stream)))
    }

    /// Whether a UDP datagram comes back.
    ///
    /// # Errors
    /// What is neither an answer nor its absence.
    pub fn send_udp(&self, to: IpAddr, port: u16) -> io::Result<Outcome> {
        self.run(|| {
            let any: SocketAddr = match to {
                IpAddr::V4(_) => ([0; 4], 0).into(),
                IpAddr::V6(_) => ([0_u16; 8], 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.connect((to, port))?;
            outcome(
                socket
                    .send(b"ping")
                    .and_then(|_| socket.recv(&mut [0; 16]))
                    .map(|_| ()),
            )
        })?
    }

    /// Whether an ICMP echo is answered.
    ///
    /// # Errors
    /// What is neither an answer nor its absence.
    pub fn ping(&self, to: IpAddr) -> io::Result<Outcome> {
        self.run(|| outcome(ping::ping(to, PATIENCE)))?
    }

    /// Sends a frame out of `eth0`, as it is.
    ///
    /// # Errors
    /// The system says no.
    pub fn inject(&self, frame: &Frame) -> io::Result<()> {
        self.inject_all(std::slice::from_ref(frame))
    }

    /// As [`Self::inject`], for many frames.
    ///
    /// # Errors
    /// The system says no.
    pub fn inject_all(&self, frames: &[Frame]) -> io::Result<()> {
        self.run(|| {
            let wire = Wire::open("eth0")?;
            frames.iter().try_for_each(|frame| wire.send(frame.bytes()))
        })?
    }
}

/// Sends a byte and waits for it to come back.
///
/// # Errors
/// It does not.
pub(crate) fn echo(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(b"x")?;
    stream.read_exact(&mut [0])
}

/// What an attempt says about the way there.
pub(crate) fn outcome(result: io::Result<()>) -> io::Result<Outcome> {
    use io::ErrorKind::{
        ConnectionRefused, HostUnreachable, NetworkUnreachable, PermissionDenied, TimedOut,
        UnexpectedEof, WouldBlock,
    };
    match result {
        Ok(()) => Ok(Outcome::Reached),
        Err(error) => match error.kind() {
            TimedOut | WouldBlock | UnexpectedEof => Ok(Outcome::Blocked),
            NetworkUnreachable => Ok(Outcome::Blocked),
            HostUnreachable | PermissionDenied => Ok(Outcome::Prohibited),
            ConnectionRefused => Ok(Outcome::Refused),
            _ => Err(error),
        },
    }
}
