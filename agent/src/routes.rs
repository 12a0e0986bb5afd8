//! Which interface an address is routed to, for endpoints whose interface nobody says.
//!
//! Network plugins that route give each pod a route of its own: `10.244.0.5 dev cali12345`. Behind a
//! bridge there is none, and the interface must be said.

use std::{collections::BTreeMap, io, net::IpAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType},
};
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};

/// Routes to single addresses on the link itself, by address: indices of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostRoutes(BTreeMap<IpAddr, u32>);

impl HostRoutes {
    /// Those of the main table of this network namespace.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn read() -> io::Result<Self> {
        let mut routes = Self::default();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            dump(family, |route| {
                if let Some((address, index)) = host_route(&route) {
                    routes.0.entry(address).or_insert(index);
                }
            })?;
        }
        Ok(routes)
    }

    /// The interface that all of these addresses that have a route are routed to. `None` where none
    /// has, or they lead to several.
    pub(crate) fn interface_of(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<u32> {
        let mut indices = addresses
            .into_iter()
            .filter_map(|address| self.0.get(&address).copied());
        let first = indices.next()?;
        indices.all(|index| index == first).then_some(first)
    }
}

/// The address and the interface of a route to one address that is on the link.
fn host_route(route: &RouteMessage) -> Option<(IpAddr, u32)> {
    let header = &route.header;
    let (mut address, mut index) = (None, None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(to)) => address = Some(IpAddr::V4(*to)),
            RouteAttribute::Destination(RouteAddress::Inet6(to)) => address = Some(IpAddr::V6(*to)),
            RouteAttribute::Oif(oif) => index = Some(*oif),
            // Behind another machine.
            RouteAttribute::Gateway(_) | RouteAttribute::Via(_) => return None,
            _ => {}
        }
    }
    let address = address?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    let is_host_route = header.kind == RouteType::Unicast
        && header.table == RouteHeader::RT_TABLE_MAIN
        && header.destination_prefix_length == length;
    is_host_route.then_some((address, index?))
}

fn dump(family: AddressFamily, mut each: impl FnMut(RouteMessage)) -> io::Result<()> {
    let broken = |_| io::Error::from(io::ErrorKind::InvalidData);
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    let mut ask = RouteMessage::default();
    ask.header.address_family = family;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let payload = NetlinkPayload::from(RouteNetlinkMessage::GetRoute(ask));
    let mut request = NetlinkMessage::new(header, payload);
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message =
                NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(broken)?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(()),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => each(route),
                _ => {}
            }
            // Messages are aligned to four bytes.
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = match rest.get(length..) {
                Some(rest) if length > 0 => rest,
                _ => &[],
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_an_endpoint_must_agree() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let routes = HostRoutes(
            [
                (address("10.0.0.1"), 7),
                (address("fd00::1"), 7),
                (address("10.0.0.2"), 8),
            ]
            .into(),
        );
        let of = |all: &[&str]| routes.interface_of(all.iter().map(|text| address(text)));
        assert_eq!(of(&["10.0.0.1", "fd00::1"]), Some(7));
        assert_eq!(of(&["10.0.0.1", "fd00::9"]), Some(7));
        assert_eq!(of(&["10.0.0.1", "10.0.0.2"]), None);
        assert_eq!(of(&["10.0.0.9"]), None);
    }
}
