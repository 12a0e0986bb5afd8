//! What netperf calls `TCP_RR`, `TCP_STREAM` and `TCP_CRR`.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

/// A way to make traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// A byte there and a byte back, over one connection.
    RoundTrips,
    /// As much as goes through one connection.
    Stream,
    /// A connection for each byte there and back.
    Connections,
}

/// What a stream writes at once.
const BLOCK: usize = 128 << 10;
/// What tells a server that it has served its last connection.
const LAST: u8 = b'.';

impl Load {
    pub(super) const ALL: [Self; 3] = [Self::RoundTrips, Self::Stream, Self::Connections];

    /// What is counted, and how much of it one is.
    pub(super) const fn unit(self) -> (&'static str, f64) {
        match self {
            Self::RoundTrips => ("round trips/s", 1.0),
            Self::Stream => ("Gbit/s", 1e9 / 8.0),
            Self::Connections => ("connections/s", 1.0),
        }
    }

    /// The server's part, to its end. How many bytes came.
    pub(super) fn serve(self, listener: &TcpListener) -> io::Result<u64> {
        match self {
            Self::RoundTrips => {
                let (mut stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                let mut byte = [0];
                while stream.read(&mut byte)? > 0 {
                    stream.write_all(&byte)?;
                }
                Ok(0)
            }
            Self::Stream => {
                let (mut stream, _) = listener.accept()?;
                let mut block = vec![0; BLOCK];
                let mut received = 0;
                loop {
                    match stream.read(&mut block)? {
                        0 => return Ok(received),
                        length => received += length as u64,
                    }
                }
            }
            Self::Connections => loop {
                let (mut stream, _) = listener.accept()?;
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                stream.write_all(&byte)?;
                if byte == [LAST] {
                    return Ok(0);
                }
            },
        }
    }

    /// The client's part. How often something happened, where the server does not know better, and in
    /// which time.
    pub(super) fn ask(self, server: SocketAddr, time: Duration) -> io::Result<(u64, Duration)> {
        match self {
            Self::RoundTrips => {
                let mut stream = TcpStream::connect(server)?;
                stream.set_nodelay(true)?;
                let mut exchange = || -> io::Result<()> {
                    stream.write_all(b"x")?;
                    stream.read_exact(&mut [0])
                };
                for _ in 0..50 {
                    exchange()?;
                }
                count(time, exchange)
            }
            Self::Stream => {
                let mut stream = TcpStream::connect(server)?;
                let block = vec![0; BLOCK];
                count(time, || stream.write_all(&block))
            }
            Self::Connections => {
                let once = |byte| -> io::Result<()> {
                    let mut stream = TcpStream::connect(server)?;
                    stream.write_all(&[byte])?;
                    stream.read_exact(&mut [0])?;
                    // The server closes first, so that it is the one that waits for stragglers.
                    stream.read(&mut [0]).map(|_| ())
                };
                let counted = count(time, || once(b'x'))?;
                once(LAST)?;
                Ok(counted)
            }
        }
    }
}

fn count(time: Duration, mut work: impl FnMut() -> io::Result<()>) -> io::Result<(u64, Duration)> {
    let begin = Instant::now();
    let mut done = 0;
    loop {
        work()?;
        done += 1;
        let elapsed = begin.elapsed();
        if elapsed >= time {
            return Ok((done, elapsed));
        }
    }
}
