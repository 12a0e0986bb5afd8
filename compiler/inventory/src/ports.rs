//! Named ports as the inventory writes them: `{ http: tcp 8080, dns: udp 53 }`.

use std::{collections::BTreeMap, fmt};

use polc_model::{
    NamedPort, NamedPorts, PortProtocol,
    l4::{PORT_NAME_RULE, is_port_name},
};
use serde::{
    Deserializer, Serializer,
    de::{Error, MapAccess, Visitor},
};

pub(crate) fn serialize<S: Serializer>(ports: &NamedPorts, to: S) -> Result<S::Ok, S::Error> {
    let written: BTreeMap<&str, String> = ports
        .iter()
        .map(|(name, port)| {
            let text = format!("{} {}", port.protocol.name(), port.port);
            (name.as_str(), text)
        })
        .collect();
    to.collect_map(written)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NamedPorts, D::Error> {
    from.deserialize_map(Ports)
}

struct Ports;

impl<'de> Visitor<'de> for Ports {
    type Value = NamedPorts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of ports, such as `{ http: tcp 8080 }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedPorts, A::Error> {
        let mut ports = NamedPorts::new();
        while let Some((name, text)) = map.next_entry::<String, String>()? {
            if !is_port_name(&name) {
                return Err(A::Error::custom(format!(
                    "`{name}` is not the name of a port; expected {PORT_NAME_RULE}"
                )));
            }
            let port = read(&text).ok_or_else(|| {
                A::Error::custom(format!(
                    "`{text}` is not a port; write `{name}: tcp 8080`, with `tcp`, `udp` or `sctp` \
                     and a number from 1 to 65535"
                ))
            })?;
            if ports.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "two ports are called `{name}`; a name stands for one port"
                )));
            }
            ports.insert(name, port);
        }
        Ok(ports)
    }
}

/// Nobody receives anything at port 0; and what cannot be read to its ports looks as if it were for
/// that one.
fn read(text: &str) -> Option<NamedPort> {
    let (protocol, port) = text.split_once(' ')?;
    let protocol = PortProtocol::ALL
        .into_iter()
        .find(|one| one.name() == protocol)?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.parse().ok().filter(|&port| is_number && port > 0)?;
    Some(NamedPort { protocol, port })
}
