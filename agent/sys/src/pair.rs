//! Links with two ends, as veth and netkit make them: what the kernel says of both.

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// One end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Most bytes of a packet, from L3 on.
    pub mtu: u32,
}

/// A link whose ends are in two network namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The end in our namespace.
    pub near: End,
    /// The other one.
    pub far: End,
}

/// Asks about links of the network namespace of the thread that opened it, over rtnetlink.
#[derive(Debug)]
pub struct Pairs {
    socket: Socket,
}

impl Pairs {
    /// Opens the socket.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket })
    }

    /// Both ends of a link. `None` where it has not got two, or both are in one namespace.
    ///
    /// # Errors
    /// What the kernel says, also that there is no such interface.
    pub fn pair(&self, ifindex: u32) -> io::Result<Option<Pair>> {
        let near = self.link(ifindex, None)?;
        let is_pair = near.iter().any(|attribute| {
            let LinkAttribute::LinkInfo(infos) = attribute else {
                return false;
            };
            infos
                .iter()
                .any(|info| matches!(info, LinkInfo::Kind(InfoKind::Veth | InfoKind::Netkit)))
        });
        let far = find(&near, |attribute| match attribute {
            LinkAttribute::Link(index) => Some(*index),
            _ => None,
        });
        // Says in which namespace the other end is, where that is not ours.
        let namespace = find(&near, |attribute| match attribute {
            LinkAttribute::LinkNetNsId(id) => Some(*id),
            _ => None,
        });
        let (true, Some(far), Some(namespace)) = (is_pair, far, namespace) else {
            return Ok(None);
        };
        let far = self.link(far, Some(namespace))?;
        Ok(end(&near)
            .zip(end(&far))
            .map(|(near, far)| Pair { near, far }))
    }

    /// What the kernel says of a link, of ours or of the namespace that we know by this number.
    fn link(&self, ifindex: u32, namespace: Option<i32>) -> io::Result<Vec<LinkAttribute>> {
        let mut question = LinkMessage::default();
        question.header.index = ifindex;
        question.attributes = namespace
            .map(LinkAttribute::IfNetnsId)
            .into_iter()
            .collect();
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let payload = NetlinkPayload::from(RouteNetlinkMessage::GetLink(question));
        let mut message = NetlinkMessage::new(header, payload);
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let (bytes, _) = self.socket.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        match answer.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(link.attributes),
            NetlinkPayload::Error(error) => Err(error.to_io()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn find<T>(
    attributes: &[LinkAttribute],
    wanted: impl Fn(&LinkAttribute) -> Option<T>,
) -> Option<T> {
    attributes.iter().find_map(wanted)
}

fn end(attributes: &[LinkAttribute]) -> Option<End> {
    let mac = find(attributes, |attribute| match attribute {
        LinkAttribute::Address(address) => <[u8; 6]>::try_from(address.as_slice()).ok(),
        _ => None,
    });
    let mtu = find(attributes, |attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    });
    mac.zip(mtu).map(|(mac, mtu)| End { mac, mtu })
}
