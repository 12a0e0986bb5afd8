//! Which interfaces have gone: an interface that is made anew may have the index of one before.

use std::{collections::BTreeSet, io};

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};

/// `RTNLGRP_LINK`.
const LINKS: u32 = 1;

/// Interfaces that have gone since somebody asked.
pub(crate) struct GoneLinks {
    socket: Socket,
}

/// Which interfaces have gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Those with these indices. Some may be there again.
    These(BTreeSet<u32>),
    /// More than could be remembered.
    Many,
}

impl Gone {
    /// Whether an interface with this index may have gone.
    pub(crate) fn has(&self, index: u32) -> bool {
        match self {
            Self::These(indices) => indices.contains(&index),
            Self::Many => true,
        }
    }
}

impl GoneLinks {
    /// Begins to listen, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.add_membership(LINKS)?;
        socket.set_non_blocking(true)?;
        Ok(Self { socket })
    }

    /// What has gone since the last time.
    pub(crate) fn take(&mut self) -> Gone {
        let mut gone = BTreeSet::new();
        let mut is_many = false;
        loop {
            match self.socket.recv_from_full() {
                Ok((datagram, _)) => is_many |= !read(&datagram, &mut gone),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    is_many = true;
                    if error.raw_os_error() != Some(libc::ENOBUFS) {
                        break;
                    }
                }
            }
        }
        if is_many {
            Gone::Many
        } else {
            Gone::These(gone)
        }
    }
}

/// Adds what a datagram says has gone. `false` where it cannot be read.
fn read(datagram: &[u8], gone: &mut BTreeSet<u32>) -> bool {
    let mut rest = datagram;
    while !rest.is_empty() {
        let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest) else {
            return false;
        };
        if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) = message.payload {
            gone.insert(link.header.index);
        }
        let length = (message.header.length as usize).next_multiple_of(4);
        rest = match rest.get(length..) {
            Some(rest) if length > 0 => rest,
            _ => &[],
        };
    }
    true
}
