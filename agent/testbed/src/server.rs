//! Servers that send back what they get.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::Namespace;

/// How often a server without work looks whether it should stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
}

impl Server {
    /// Connections or datagrams so far.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    fn new() -> (Self, Arc<AtomicBool>, Arc<AtomicU64>) {
        let server = Self {
            stop: Arc::default(),
            served: Arc::default(),
        };
        let (stop, served) = (Arc::clone(&server.stop), Arc::clone(&server.served));
        (server, stop, served)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Both families: `::` takes IPv4 too.
fn everywhere(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

impl Namespace {
    /// Serves TCP on all addresses: sends back what it gets.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_tcp(&self, port: u16) -> io::Result<Server> {
        self.run(|| tcp(port))?
    }

    /// Serves UDP on all addresses: sends back what it gets. Where a host has several addresses
    /// of a family, it may answer from another one than was asked.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_udp(&self, port: u16) -> io::Result<Server> {
        self.run(|| udp(everywhere(port)))?
    }

    /// Serves UDP on one address: sends back what it gets.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_udp_at(&self, address: IpAddr, port: u16) -> io::Result<Server> {
        self.run(|| udp((address, port).into()))?
    }

    /// Serves HTTP on all addresses: answers every request with 200.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve_http(&self, port: u16) -> io::Result<Server> {
        self.run(|| http(port))?
    }
}

fn tcp(port: u16) -> io::Result<Server> {
    let listener = TcpListener::bind(everywhere(port))?;
    listener.set_nonblocking(true)?;
    let (server, stop, served) = Server::new();
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => {
                    served.fetch_add(1, Ordering::Relaxed);
                    thread::spawn(move || serve(stream));
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    });
    Ok(server)
}

fn serve(mut stream: TcpStream) {
    if stream.set_nonblocking(false).is_err() {
        return;
    }
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length) else {
            return;
        };
        if stream.write_all(bytes).is_err() {
            return;
        }
    }
}

fn udp(address: SocketAddr) -> io::Result<Server> {
    let socket = UdpSocket::bind(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let (server, stop, served) = Server::new();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                served.fetch_add(1, Ordering::Relaxed);
                let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), from);
            }
        }
    });
    Ok(server)
}

fn http(port: u16) -> io::Result<Server> {
    let listener = TcpListener::bind(everywhere(port))?;
    let http = tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?;
    let (server, stop, served) = Server::new();
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if let Ok(Some(request)) = http.recv_timeout(PATIENCE) {
                served.fetch_add(1, Ordering::Relaxed);
                let _ = request.respond(tiny_http::Response::from_string("hello\n"));
            }
        }
    });
    Ok(server)
}
