//! Which packet is meant, and whose it is.

use std::{net::IpAddr, str::FromStr};

use polc_inventory::Inventory;
use polc_model::{IcmpFamily, L4Packet, PeerFacts, PortProtocol};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    flows::{
        FlowRecord,
        filter::{Unreadable, Who, means},
    },
    inspect::party::{self, Party},
    names,
};

/// A packet that starts a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who sends it.
    pub from: Who,
    /// Who it is for.
    pub to: Who,
    /// What it shows above L3.
    pub layer4: Layer4,
}

/// What a packet shows above L3. Which ICMP is meant, the addresses say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer4 {
    /// A protocol with ports, and the destination port.
    Port(PortProtocol, u16),
    /// ICMP type and code.
    Icmp(u8, u8),
    /// Any other protocol, by number.
    Protocol(u8),
}

/// One end of a packet.
#[derive(Clone, Debug)]
pub struct End<'a> {
    /// Full name, or `world`.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Whether it is an endpoint on this node.
    pub is_here: bool,
    /// What selectors see of it.
    pub facts: PeerFacts<'a>,
}

impl Question {
    /// The packet of a record.
    ///
    /// # Errors
    /// The record is about a protocol that it cannot name.
    pub fn of(record: &FlowRecord) -> Result<Self, Error> {
        let protocol = PortProtocol::ALL
            .into_iter()
            .find(|protocol| protocol.name() == record.protocol);
        let layer4 = match (protocol, record.destination.port, record.icmp) {
            (Some(protocol), Some(port), _) => Some(Layer4::Port(protocol, port)),
            (_, _, Some((kind, code))) => Some(Layer4::Icmp(kind, code)),
            _ => record.protocol.parse().ok().map(Layer4::Protocol),
        };
        let layer4 = layer4.ok_or_else(|| Error::NoAnswer {
            message: format!("record {} does not say what its packet was", record.id),
            help: "ask about the packet itself, with `--from`, `--to` and `--port`".to_owned(),
        })?;
        Ok(Self {
            from: Who::Block(record.source.address.into()),
            to: Who::Block(record.destination.address.into()),
            layer4,
        })
    }

    /// Both ends, with addresses of one family, and the packet between them.
    ///
    /// # Errors
    /// A name that nobody has or that several have; two ends without a family in common.
    pub fn resolve<'a>(
        &self,
        inventory: &'a Inventory,
    ) -> Result<(End<'a>, End<'a>, L4Packet), Error> {
        let parties = party::all(inventory);
        let (from, to) = (
            ends(&self.from, &parties, inventory)?,
            ends(&self.to, &parties, inventory)?,
        );
        let pair = from.iter().find_map(|source| {
            let is_ipv4 = source.address.is_ipv4();
            let mut fitting = to.iter().filter(|end| end.address.is_ipv4() == is_ipv4);
            Some((source.clone(), fitting.next()?.clone()))
        });
        let (source, destination) = pair.ok_or_else(|| Error::NoAnswer {
            message: format!(
                "`{}` and `{}` have no addresses of one family",
                self.from, self.to
            ),
            help: "no packet can be from one to the other".to_owned(),
        })?;
        let family = if source.address.is_ipv4() {
            IcmpFamily::V4
        } else {
            IcmpFamily::V6
        };
        let packet = match self.layer4 {
            Layer4::Port(protocol, port) => L4Packet::Port(protocol, port),
            Layer4::Icmp(kind, code) => L4Packet::Icmp(family, kind, code),
            Layer4::Protocol(number) => L4Packet::Protocol(number),
        };
        Ok((source, destination, packet))
    }
}

/// What somebody is at each of the addresses that are meant.
fn ends<'a>(
    who: &Who,
    parties: &[Party<'a>],
    inventory: &'a Inventory,
) -> Result<Vec<End<'a>>, Error> {
    let end = |party: &Party<'a>, address, facts: &PeerFacts<'a>| End {
        name: party.name.clone(),
        address,
        is_here: party.is_here,
        facts: facts.clone(),
    };
    match who {
        Who::Block(block) if block.prefix_len() == block.max_prefix_len() => {
            let address = block.addr();
            let owner = parties.iter().find_map(|party| {
                let mut own = party.at.iter();
                let (_, facts) = own.find(|(own, _)| *own == address)?;
                Some(end(party, address, facts))
            });
            Ok(vec![owner.unwrap_or_else(|| End {
                name: "world".to_owned(),
                address,
                is_here: false,
                facts: inventory.with_apiserver(PeerFacts::world(address)),
            })])
        }
        Who::Block(block) => Err(Error::NoAnswer {
            message: format!("`{block}` is many addresses, and a packet has one"),
            help: "give one address of the block".to_owned(),
        }),
        Who::Name(name) if name == "world" => Err(Error::NoAnswer {
            message: "`world` is many addresses, and a packet has one".to_owned(),
            help: "give an address, such as 192.0.2.7".to_owned(),
        }),
        Who::Name(name) => {
            let exact = parties.iter().filter(|party| party.name == *name);
            let exact: Vec<_> = exact.collect();
            let meant = if exact.is_empty() {
                let named = parties.iter().filter(|party| means(name, &party.name));
                named.collect()
            } else {
                exact
            };
            match &meant[..] {
                [party] => Ok(party
                    .at
                    .iter()
                    .map(|(address, facts)| end(party, *address, facts))
                    .collect()),
                [] => {
                    let known = parties.iter().map(|one| one.name.as_str());
                    Err(names::unknown(name, known))
                }
                several => {
                    let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
                    Err(Error::NoAnswer {
                        message: format!("`{name}` may be {}", names.join(" or ")),
                        help: "give the name with its namespace, or an address".to_owned(),
                    })
                }
            }
        }
    }
}

/// ICMP type and code, as people write them: `8` or `3/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpMessage {
    /// The type.
    pub kind: u8,
    /// The code; 0 where none is given.
    pub code: u8,
}

impl FromStr for IcmpMessage {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (kind, code) = text.split_once('/').unwrap_or((text, "0"));
        match (kind.parse(), code.parse()) {
            (Ok(kind), Ok(code)) => Ok(Self { kind, code }),
            _ => Err(Unreadable::new(format!(
                "`{text}` is no ICMP type; expected a number up to 255 such as `8`, or type and \
                 code such as `3/1`"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        Inventory::parse(
            "node: { name: here, addresses: [10.0.0.1] }\n\
             endpoints:\n\
             - { name: web, namespace: shop, addresses: [10.0.0.2, 'fd00::2'] }\n\
             - { name: web, namespace: bank, addresses: [10.0.0.3] }\n\
             - { name: six, addresses: ['fd00::6'] }\n",
        )
        .unwrap()
    }

    fn ask(from: &str, to: &str, layer4: Layer4) -> Result<String, String> {
        let question = Question {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            layer4,
        };
        let inventory = inventory();
        question
            .resolve(&inventory)
            .map(|(source, destination, packet)| {
                let shown = |end: &End<'_>| format!("{} {}", end.name, end.address);
                format!("{} -> {}: {packet}", shown(&source), shown(&destination))
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn both_ends_get_addresses_of_one_family() {
        let tcp = Layer4::Port(PortProtocol::Tcp, 443);
        assert_eq!(
            ask("shop/web", "192.0.2.7", tcp).as_deref(),
            Ok("shop/web 10.0.0.2 -> world 192.0.2.7: tcp 443")
        );
        let ping = Layer4::Icmp(128, 0);
        assert_eq!(
            ask("six", "shop/web", ping).as_deref(),
            Ok("six fd00::6 -> shop/web fd00::2: icmpv6 128/0")
        );
        assert_eq!(
            ask("six", "here", tcp).unwrap_err(),
            "`six` and `here` have no addresses of one family"
        );
    }

    #[test]
    fn names_that_are_not_one_address_are_refused() {
        let tcp = Layer4::Port(PortProtocol::Tcp, 443);
        let error = |to| ask("shop/web", to, tcp).unwrap_err();
        assert_eq!(error("web"), "`web` may be shop/web or bank/web");
        assert_eq!(error("nobody"), "nobody here is called `nobody`");
        assert!(error("10.0.0.0/8").contains("many addresses"));
        assert!(error("world").contains("many addresses"));
    }

    #[test]
    fn icmp_messages_are_read_with_and_without_a_code() {
        let read = |text: &str| text.parse().map(|IcmpMessage { kind, code }| (kind, code));
        assert_eq!(read("8"), Ok((8, 0)));
        assert_eq!(read("3/1"), Ok((3, 1)));
        for bad in ["", "256", "3/", "echo"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
