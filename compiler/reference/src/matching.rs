//! Whether a selector selects a peer and an L4 match matches a packet. Deliberately not the code
//! that the compiler uses.

use std::net::IpAddr;

use ipnet::IpNet;
use polc_model::{
    Entity, L4Match, L4Packet, L4Term, LabelOperator, Model, PeerFacts, PeerKind, SelectorExpr,
    SelectorId,
};

/// Whether the selector with this id selects the peer. An id of another Model selects nothing.
pub(crate) fn selects(model: &Model, selector: SelectorId, peer: &PeerFacts<'_>) -> bool {
    model
        .selector(selector)
        .is_some_and(|selector| holds(&selector.expr, peer))
}

/// Whether a policy with this subject is one of the party's. It is the node's only where it says
/// `host` or asks for labels of nodes, other than to take them away.
pub(crate) fn is_subject(model: &Model, subject: SelectorId, party: &PeerFacts<'_>) -> bool {
    let says_host = || {
        model
            .selector(subject)
            .is_some_and(|subject| says_host(&subject.expr))
    };
    selects(model, subject, party) && (party.kind != PeerKind::Host || says_host())
}

fn says_host(expr: &SelectorExpr) -> bool {
    match expr {
        SelectorExpr::Entity(Entity::Host) => true,
        SelectorExpr::AnyOf(parts) | SelectorExpr::AllOf(parts) => {
            let mut any = false;
            for part in parts {
                any |= says_host(part);
            }
            any
        }
        SelectorExpr::NodeLabel { .. } => true,
        SelectorExpr::Minus(from, _) => says_host(from),
        _ => false,
    }
}

fn holds(expr: &SelectorExpr, peer: &PeerFacts<'_>) -> bool {
    // Of an endpoint in `init` no labels are known, and not its namespace: nothing that asks for
    // them holds, not even that a label is absent.
    let is_endpoint = peer.kind == PeerKind::Endpoint;
    match expr {
        SelectorExpr::Entity(Entity::All) => true,
        SelectorExpr::Entity(Entity::None) => false,
        SelectorExpr::Entity(Entity::World) => peer.kind == PeerKind::World,
        SelectorExpr::Entity(Entity::Cluster) => peer.kind != PeerKind::World,
        SelectorExpr::Entity(Entity::Endpoints) => is_endpoint,
        SelectorExpr::Entity(Entity::Host) => peer.kind == PeerKind::Host,
        SelectorExpr::Entity(Entity::RemoteNode) => peer.kind == PeerKind::RemoteNode,
        SelectorExpr::Entity(Entity::KubeApiserver) => peer.is_kube_apiserver,
        SelectorExpr::Entity(Entity::Health) => peer.kind == PeerKind::Health,
        SelectorExpr::Entity(Entity::Ingress) => peer.kind == PeerKind::Ingress,
        SelectorExpr::Entity(Entity::Unmanaged) => peer.kind == PeerKind::Unmanaged,
        SelectorExpr::Entity(Entity::Init) => peer.kind == PeerKind::Init,
        SelectorExpr::Label { .. }
        | SelectorExpr::Namespace(_)
        | SelectorExpr::NamespaceLabel { .. }
            if !is_endpoint =>
        {
            false
        }
        SelectorExpr::Namespace(name) => peer.namespace == Some(name),
        SelectorExpr::Label { key, operator } => passes(operator, peer.labels.get(key)),
        SelectorExpr::NamespaceLabel { key, operator } => {
            passes(operator, peer.namespace_labels.get(key))
        }
        SelectorExpr::NodeLabel { key, operator } => {
            let is_node = peer.kind == PeerKind::Host || peer.kind == PeerKind::RemoteNode;
            is_node && passes(operator, peer.labels.get(key))
        }
        SelectorExpr::Dns(pattern) => peer.names.iter().any(|name| is_name_of(pattern, name)),
        SelectorExpr::Cidr(block) => peer.network.is_some_and(|network| inside(*block, network)),
        SelectorExpr::AnyOf(parts) => {
            let mut any = false;
            for part in parts {
                any |= holds(part, peer);
            }
            any
        }
        SelectorExpr::AllOf(parts) => {
            let mut all = true;
            for part in parts {
                all &= holds(part, peer);
            }
            all
        }
        SelectorExpr::Minus(base, except) => holds(base, peer) && !holds(except, peer),
    }
}

fn passes(operator: &LabelOperator, value: Option<&String>) -> bool {
    match (operator, value) {
        (LabelOperator::In(values), Some(value)) => values.contains(value),
        (LabelOperator::In(_), None) => false,
        (LabelOperator::NotIn(values), Some(value)) => !values.contains(value),
        (LabelOperator::NotIn(_), None) => true,
        (LabelOperator::Exists, value) => value.is_some(),
        (LabelOperator::Absent, value) => value.is_none(),
    }
}

/// Whether a DNS name fits a pattern, label by label. `*` is any part of a label, and a first label
/// `**` is one label or more.
pub(crate) fn is_name_of(pattern: &str, name: &str) -> bool {
    let mut wanted: Vec<&str> = pattern.split('.').collect();
    let labels: Vec<&str> = name.split('.').collect();
    if labels.iter().any(|label| label.is_empty()) {
        return false;
    }
    if wanted.first() == Some(&"**") {
        let Some(more) = labels.len().checked_sub(wanted.len()) else {
            return false;
        };
        wanted.splice(..1, std::iter::repeat_n("*", more + 1));
    }
    let fits = |(wanted, label): (&&str, &&str)| label_fits(wanted.as_bytes(), label.as_bytes());
    wanted.len() == labels.len() && wanted.iter().zip(&labels).all(fits)
}

fn label_fits(wanted: &[u8], label: &[u8]) -> bool {
    match (wanted.split_first(), label.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => label_fits(rest, label),
        (Some((b'*', rest)), Some((_, behind))) => {
            label_fits(rest, label) || label_fits(wanted, behind)
        }
        (Some((one, rest)), Some((other, behind))) => one == other && label_fits(rest, behind),
        _ => false,
    }
}

/// Whether every address of `network` is in `block`, by their bits.
fn inside(block: IpNet, network: IpNet) -> bool {
    let common = |one: u128, other: u128, width: u32, length: u8| {
        let ignored = width - u32::from(length);
        ignored >= width || one >> ignored == other >> ignored
    };
    let long_enough = network.prefix_len() >= block.prefix_len();
    match (block.addr(), network.addr()) {
        (IpAddr::V4(block_address), IpAddr::V4(address)) => {
            let (one, other) = (block_address.to_bits().into(), address.to_bits().into());
            long_enough && common(one, other, 32, block.prefix_len())
        }
        (IpAddr::V6(block_address), IpAddr::V6(address)) => {
            let (one, other) = (block_address.to_bits(), address.to_bits());
            long_enough && common(one, other, 128, block.prefix_len())
        }
        _ => false,
    }
}

/// Whether an L4 match matches a packet to this receiver.
pub(crate) fn l4_matches(l4: &L4Match, packet: L4Packet, receiver: &PeerFacts<'_>) -> bool {
    let L4Match::Of(terms) = l4 else { return true };
    terms.iter().any(|term| match (term, packet) {
        (L4Term::Ports { protocol, ports }, L4Packet::Port(packet_protocol, port)) => {
            *protocol == packet_protocol && ports.first <= port && port <= ports.last
        }
        // "A named port is looked up on the pod that receives the traffic."
        (L4Term::NamedPort { protocol, name }, L4Packet::Port(packet_protocol, port)) => {
            *protocol == packet_protocol
                && receiver
                    .ports
                    .get(name)
                    .is_some_and(|named| named.protocol == packet_protocol && named.port == port)
        }
        (
            L4Term::Icmp { family, kind, code },
            L4Packet::Icmp(packet_family, packet_kind, packet_code),
        ) => {
            *family == packet_family
                && kind.is_none_or(|kind| kind == packet_kind)
                && code.is_none_or(|code| code == packet_code)
        }
        (L4Term::Protocol(number), packet) => *number == packet.protocol(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use polc_model::selector::dns_matches;

    use super::is_name_of;

    /// Texts of up to four characters of an alphabet whose labels are not empty.
    fn texts(alphabet: &[char]) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..4 {
            let longer: Vec<String> = all[from..]
                .iter()
                .flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}")))
                .collect();
            from = all.len();
            all.extend(longer);
        }
        all.retain(|text| text.split('.').all(|label| !label.is_empty()));
        all
    }

    #[test]
    fn patterns_of_names_mean_the_same_to_the_compiler() {
        let is_pattern = |text: &String| {
            let rest = text.strip_prefix("**").unwrap_or(text);
            !rest.contains("**") && (rest.is_empty() || rest.starts_with('.') || rest == text)
        };
        let patterns = texts(&['a', 'b', '*', '.']);
        let names = texts(&['a', 'b', '.']);
        let mut matched = 0;
        for pattern in patterns.iter().filter(|text| is_pattern(text)) {
            for name in &names {
                let matches = is_name_of(pattern, name);
                assert_eq!(matches, dns_matches(pattern, name), "{pattern} {name}");
                matched += usize::from(matches);
            }
        }
        assert!(matched > 500, "{matched}");
    }
}
