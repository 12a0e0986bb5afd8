//! One policy in several forms. A pod takes from each of as many peers one TCP port, and nothing else;
//! the rule in the middle is the client's.
//!
//! As rules of netfilter it is written as people and CNIs write it: what belongs to a connection passes
//! first, then one rule after the other, then everything is dropped.

use std::{fmt::Write as _, net::Ipv4Addr};

use polc_bundle::Bundle;

use crate::kernel::{
    Result,
    model::{Package, label},
};

pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 3);
pub(super) const SERVER_LINK: &str = "veth-server";

/// How it is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    /// Not at all: the node routes.
    Nothing,
    /// By polc, as it comes.
    Polc,
    /// By polc, through the node's stack.
    PolcRouted,
    /// A chain of nftables.
    Nftables,
    /// One set of nftables, with all of the rules in it.
    NftablesSet,
    /// A chain of iptables, the kernel's own.
    Iptables,
}

impl Enforcement {
    pub(super) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Polc,
        Self::PolcRouted,
        Self::Nftables,
        Self::NftablesSet,
        Self::Iptables,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no policy",
            Self::Polc => "polc",
            Self::PolcRouted => "polc, routed",
            Self::Nftables => "nftables, rules",
            Self::NftablesSet => "nftables, a set",
            Self::Iptables => "iptables (legacy)",
        }
    }

    /// Whether a machine may have no such thing.
    pub(super) const fn may_be_missing(self) -> bool {
        matches!(self, Self::Nftables | Self::NftablesSet | Self::Iptables)
    }
}

/// A peer and the port that it may use.
pub(super) struct Allowed {
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
}

/// The rules of a policy of this size, in order.
pub(super) fn allowed(size: usize) -> Vec<Allowed> {
    (0..size)
        .map(|number| {
            let mut address =
                Ipv4Addr::from_bits(Ipv4Addr::new(10, 10, 0, 1).to_bits() + number as u32);
            if number == size / 2 {
                address = CLIENT;
            }
            Allowed {
                name: format!("peer-{number}"),
                address,
                port: 8_000 + number as u16,
            }
        })
        .collect()
}

/// The port of the rule in the middle.
pub(super) fn client_port(size: usize) -> u16 {
    8_000 + (size / 2) as u16
}

/// What `polc build` would make of it.
pub(super) fn bundle(size: usize) -> Result<Vec<u8>> {
    let mut package = Package::new();
    package.policy("server");
    for allowed in allowed(size) {
        let peer = package.selector(label("app", &allowed.name));
        package.allow(peer, [allowed.port]);
    }
    Ok(Bundle::compile(package.model, [])?.encode()?)
}

/// The node's inventory, with an endpoint for each peer.
pub(super) fn inventory(size: usize) -> String {
    let mut text = format!(
        "node: {{ name: node-1, addresses: [10.9.0.1] }}\n\
         endpoints:\n\
         - {{ name: server, labels: {{ role: server }}, interface: {SERVER_LINK}, addresses: [{SERVER}] }}\n"
    );
    for Allowed { name, address, .. } in allowed(size) {
        let interface = if address == CLIENT {
            "interface: veth-client, "
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "- {{ name: {name}, labels: {{ app: {name} }}, {interface}addresses: [{address}] }}"
        );
    }
    text
}

/// For `nft -f -`.
pub(super) fn nftables(size: usize, form: Enforcement) -> String {
    let rules = if form == Enforcement::NftablesSet {
        let elements = allowed(size);
        let elements = elements
            .iter()
            .map(|one| format!("{} . {}", one.address, one.port));
        format!(
            "ip saddr . tcp dport {{ {} }} accept\n",
            elements.collect::<Vec<_>>().join(", ")
        )
    } else {
        let mut rules = String::new();
        for Allowed { address, port, .. } in allowed(size) {
            let _ = writeln!(rules, "ip saddr {address} tcp dport {port} accept");
        }
        rules
    };
    format!(
        "table ip rules {{\n\
         chain forward {{\n\
         type filter hook forward priority filter; policy accept;\n\
         ct state established,related accept\n\
         oifname \"{SERVER_LINK}\" jump to_server\n\
         }}\n\
         chain to_server {{\n{rules}drop\n}}\n\
         }}\n"
    )
}

/// For `iptables-restore`.
pub(super) fn iptables(size: usize) -> String {
    let mut text = format!(
        "*filter\n:FORWARD ACCEPT [0:0]\n:server - [0:0]\n\
         -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n\
         -A FORWARD -o {SERVER_LINK} -j server\n"
    );
    for Allowed { address, port, .. } in allowed(size) {
        let _ = writeln!(
            text,
            "-A server -s {address}/32 -p tcp --dport {port} -j ACCEPT"
        );
    }
    text + "-A server -j DROP\nCOMMIT\n"
}
