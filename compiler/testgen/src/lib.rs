//! Random packages, inventories and packets, for tests that compare implementations.
//!
//! Everything follows from one seed, so that a failure is named by a number. Universes are small
//! on purpose: labels, blocks and ports collide and nest, which is where implementations differ.

mod packet;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fastrand::Rng;
use ipnet::IpNet;
use polc_inventory::{AddressesOf, Endpoint, Inventory, NAMESPACE_NAME_LABEL, Node, RemoteNode};
use polc_model::{
    Action, Direction, Enforcement, Entity, FileId, HostAccess, IcmpFamily, Isolation, L4Match,
    L4Term, LabelOperator, Labels, Model, NamedPort, NamedPorts, Origin, Policy, PolicyId,
    PortProtocol, PortRange, Rule, Selector, SelectorExpr, SelectorId, Tier,
};

pub use packet::{Probe, Subject};

/// A package, a node, and the generator that continues the sequence.
#[derive(Clone, Debug)]
pub struct Case {
    /// The seed that made it.
    pub seed: u64,
    /// The package.
    pub model: Model,
    /// The node: endpoints here and elsewhere, other nodes.
    pub inventory: Inventory,
    pub(crate) rng: Rng,
}

const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 3] = ["a", "b", "c"];
const NAMESPACE_KEY: &str = "zone";
const NAMESPACES: [&str; 2] = ["red", "blue"];
const BLOCKS: [&str; 9] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.1.0/24",
    "10.1.1.128/25",
    "192.0.2.0/24",
    "192.0.2.7/32",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "fd00::/8",
];
pub(crate) const PORTS: [u16; 7] = [0, 53, 80, 443, 8080, 8090, 65535];
const PORT_NAMES: [&str; 2] = ["http", "metrics"];
pub(crate) const ICMP_TYPES: [u8; 4] = [0, 8, 128, 129];

impl Case {
    /// The case of a seed. `interfaces` name the local endpoints' links, one endpoint each.
    #[must_use]
    pub fn new(seed: u64, interfaces: &[&str]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let model = model(&mut rng);
        let inventory = inventory(&mut rng, interfaces);
        Self {
            seed,
            model,
            inventory,
            rng,
        }
    }
}

impl Case {
    /// A case of this package and this node, whose packets follow from the seed.
    #[must_use]
    pub fn of(seed: u64, model: Model, inventory: Inventory) -> Self {
        Self {
            seed,
            model,
            inventory,
            rng: Rng::with_seed(seed),
        }
    }

    /// The same without a policy and its rules.
    #[must_use]
    pub fn without_policy(&self, policy: PolicyId) -> Self {
        let mut smaller = self.clone();
        let model = &mut smaller.model;
        if policy.index() < model.policies.len() {
            model.policies.remove(policy.index());
        }
        model.rules.retain(|rule| rule.policy != policy);
        for rule in &mut model.rules {
            if rule.policy > policy {
                rule.policy = PolicyId::new(rule.policy.index() - 1);
            }
        }
        smaller
    }

    /// The same without a rule.
    #[must_use]
    pub fn without_rule(&self, rule: usize) -> Self {
        let mut smaller = self.clone();
        if rule < smaller.model.rules.len() {
            smaller.model.rules.remove(rule);
        }
        smaller
    }
}

fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> Option<T> {
    rng.choice(items.iter().copied())
}

fn word(rng: &mut Rng, items: &[&str]) -> String {
    pick(rng, items).unwrap_or_default().to_owned()
}

fn model(rng: &mut Rng) -> Model {
    let mut model = Model {
        package: "random".to_owned(),
        files: vec!["random.pol".to_owned()],
        host_access: if rng.u8(..4) == 0 {
            HostAccess::Restricted
        } else {
            HostAccess::Allowed
        },
        ..Model::default()
    };
    // One package in eight has many policies, and one in eight a policy of many rules, with selectors
    // beyond the first word of a block; not so many that some strategy would not fit.
    let (policies, most_rules) = match rng.u8(..8) {
        0 => (40, Some(5)),
        1 => (rng.usize(1..6), pick(rng, &[12, 40, 120])),
        _ => (rng.usize(1..6), Some(5)),
    };
    for index in 0..policies {
        let most_rules = most_rules.filter(|_| index == 0).unwrap_or(5);
        add_policy(rng, &mut model, index, most_rules);
    }
    if rng.u8(..3) == 0 {
        add_names(rng, &mut model);
    }
    model
}

fn add_policy(rng: &mut Rng, model: &mut Model, index: usize, most_rules: u32) {
    let tier = pick(
        rng,
        &[Tier::Admin, Tier::Normal, Tier::Normal, Tier::Baseline],
    );
    let tier = tier.unwrap_or_default();
    let covers = |rng: &mut Rng| {
        let isolation = if tier == Tier::Normal && rng.u8(..4) > 0 {
            Isolation::Isolates
        } else {
            Isolation::DefaultAllow
        };
        (rng.u8(..4) > 0).then_some(isolation)
    };
    let (ingress, egress) = (covers(rng), covers(rng));
    let id = PolicyId::new(model.policies.len());
    let subject = intern(model, subject(rng));
    let line = u32::try_from(index).unwrap_or_default() * 1_000 + 1;
    model.policies.push(Policy {
        name: format!("policy_{index:02}"),
        subject,
        tier,
        priority: rng.u32(..3),
        enforcement: if rng.u8(..6) == 0 {
            Enforcement::Audit
        } else {
            Enforcement::Enforce
        },
        ingress,
        egress,
        doc: None,
        origin: origin(line),
    });
    for (direction, covered) in [(Direction::Ingress, ingress), (Direction::Egress, egress)] {
        if covered.is_none() {
            continue;
        }
        for rule in 0..rng.u32(..most_rules) {
            let action = pick(
                rng,
                &[
                    Action::Allow,
                    Action::Allow,
                    Action::Deny,
                    Action::Reject,
                    Action::Pass,
                ],
            );
            let peer = peer(rng, 2);
            let peer = intern(model, peer);
            model.rules.push(Rule {
                policy: id,
                direction,
                action: action.unwrap_or(Action::Deny),
                peer,
                l4: l4_match(rng),
                l7: None,
                origin: origin(line + rule + 1),
            });
        }
    }
}

fn origin(line: u32) -> Origin {
    Origin {
        file: FileId::new(0),
        line,
        column: 3,
        text: format!("rule at line {line}"),
    }
}

fn intern(model: &mut Model, expr: SelectorExpr) -> SelectorId {
    let known = model
        .selectors
        .iter()
        .position(|selector| selector.expr == expr);
    SelectorId::new(known.unwrap_or_else(|| {
        model.selectors.push(Selector {
            text: format!("{expr:?}"),
            expr,
        });
        model.selectors.len() - 1
    }))
}

fn subject(rng: &mut Rng) -> SelectorExpr {
    match rng.u8(..5) {
        0 => SelectorExpr::Entity(Entity::Endpoints),
        1 => SelectorExpr::Entity(
            pick(
                rng,
                &[Entity::Init, Entity::Init, Entity::All, Entity::Cluster],
            )
            .unwrap_or(Entity::Init),
        ),
        2 if rng.u8(..3) == 0 => match rng.bool() {
            true => SelectorExpr::Entity(Entity::Host),
            false => node_label(rng),
        },
        2 => label(rng),
        3 if rng.u8(..4) == 0 => {
            SelectorExpr::AnyOf(vec![label(rng), SelectorExpr::Entity(Entity::Host)])
        }
        3 => SelectorExpr::AnyOf(vec![label(rng), SelectorExpr::Entity(Entity::Init)]),
        _ => SelectorExpr::AnyOf(vec![label(rng), label(rng)]),
    }
}

fn label(rng: &mut Rng) -> SelectorExpr {
    let key = word(rng, &KEYS);
    let operator = operator(rng);
    SelectorExpr::Label { key, operator }
}

fn node_label(rng: &mut Rng) -> SelectorExpr {
    let key = word(rng, &KEYS);
    let operator = operator(rng);
    SelectorExpr::NodeLabel { key, operator }
}

/// Some of the labels that endpoints have, too.
fn node_labels(rng: &mut Rng) -> Labels {
    let mut labels = Labels::new();
    for key in KEYS {
        if rng.u8(..4) > 0 {
            labels.insert(key.to_owned(), word(rng, &VALUES));
        }
    }
    labels
}

fn namespace(rng: &mut Rng) -> SelectorExpr {
    if rng.bool() {
        return SelectorExpr::Namespace(word(rng, &NAMESPACES));
    }
    SelectorExpr::NamespaceLabel {
        key: NAMESPACE_KEY.to_owned(),
        operator: operator(rng),
    }
}

fn operator(rng: &mut Rng) -> LabelOperator {
    match rng.u8(..6) {
        0 => LabelOperator::NotIn(vec![word(rng, &VALUES)]),
        1 => LabelOperator::Exists,
        2 => LabelOperator::Absent,
        _ => LabelOperator::In(vec![word(rng, &VALUES)]),
    }
}

fn peer(rng: &mut Rng, depth: u8) -> SelectorExpr {
    let choice = if depth == 0 { rng.u8(..6) } else { rng.u8(..9) };
    match choice {
        0 | 1 => label(rng),
        2 if rng.u8(..4) == 0 => node_label(rng),
        2 => namespace(rng),
        3 | 4 => match word(rng, &BLOCKS).parse::<IpNet>() {
            Ok(block) => SelectorExpr::Cidr(block),
            Err(_) => SelectorExpr::ALL,
        },
        5 => SelectorExpr::Entity(pick(rng, &Entity::ALL).unwrap_or(Entity::All)),
        6 => SelectorExpr::AnyOf(vec![peer(rng, depth - 1), peer(rng, depth - 1)]),
        7 => SelectorExpr::AllOf(vec![peer(rng, depth - 1), peer(rng, depth - 1)]),
        _ => {
            let (base, except) = (peer(rng, depth - 1), peer(rng, depth - 1));
            SelectorExpr::Minus(Box::new(base), Box::new(except))
        }
    }
}

fn l4_match(rng: &mut Rng) -> L4Match {
    if rng.u8(..5) == 0 {
        return L4Match::Any;
    }
    L4Match::Of((0..rng.usize(1..4)).map(|_| l4_term(rng)).collect())
}

/// Adds names of ports that nobody has to one of the rules: so many that the bits of the others are in
/// the upper half of the word.
fn add_names(rng: &mut Rng, model: &mut Model) {
    let matches = model.rules.iter_mut().map(|rule| &mut rule.l4);
    if let Some(L4Match::Of(terms)) = rng.choice(matches) {
        terms.extend((0..32).map(|number| L4Term::NamedPort {
            protocol: PortProtocol::Tcp,
            name: format!("a-{number:02}"),
        }));
    }
}

fn l4_term(rng: &mut Rng) -> L4Term {
    match rng.u8(..12) {
        0 | 1 => {
            let kind = (rng.u8(..4) > 0).then(|| pick(rng, &ICMP_TYPES)).flatten();
            L4Term::Icmp {
                family: if rng.bool() {
                    IcmpFamily::V4
                } else {
                    IcmpFamily::V6
                },
                kind,
                code: kind.and_then(|_| rng.bool().then_some(rng.u8(..2))),
            }
        }
        2 => L4Term::Protocol(pick(rng, &[1, 6, 17, 47, 58]).unwrap_or(47)),
        3..7 => L4Term::NamedPort {
            protocol: protocol_of_name(rng),
            name: word(rng, &PORT_NAMES),
        },
        _ => {
            let (one, other) = (port(rng), port(rng));
            let ports = match rng.u8(..3) {
                0 => PortRange::ALL,
                1 => PortRange::single(one),
                _ => PortRange {
                    first: one.min(other),
                    last: one.max(other),
                },
            };
            L4Term::Ports {
                protocol: port_protocol(rng),
                ports,
            }
        }
    }
}

pub(crate) fn port_protocol(rng: &mut Rng) -> PortProtocol {
    let choices = [PortProtocol::Tcp, PortProtocol::Udp, PortProtocol::Sctp];
    pick(rng, &choices).unwrap_or(PortProtocol::Tcp)
}

/// Most of them the same, so that rules and endpoints often mean the same port by a name.
fn protocol_of_name(rng: &mut Rng) -> PortProtocol {
    if rng.u8(..4) > 0 {
        PortProtocol::Tcp
    } else {
        port_protocol(rng)
    }
}

/// A port of the universe, or one beside it.
pub(crate) fn port(rng: &mut Rng) -> u16 {
    let port = pick(rng, &PORTS).unwrap_or_default();
    match rng.u8(..4) {
        0 => port.wrapping_add(1),
        1 => port.wrapping_sub(1),
        _ => port,
    }
}

/// Names for some ports of the universe, often the same port for several and another at the next
/// endpoint.
fn named_ports(rng: &mut Rng) -> NamedPorts {
    let mut ports = NamedPorts::new();
    for name in PORT_NAMES {
        let port = pick(rng, &PORTS).filter(|&port| port > 0);
        if let Some(port) = port.filter(|_| rng.u8(..8) > 0) {
            let protocol = protocol_of_name(rng);
            ports.insert(name.to_owned(), NamedPort { protocol, port });
        }
    }
    ports
}

/// Namespaces of several zones.
fn namespaces() -> BTreeMap<String, Labels> {
    let zoned = NAMESPACES.into_iter().zip(VALUES);
    zoned
        .map(|(name, zone)| {
            let labels = [
                (NAMESPACE_NAME_LABEL.to_owned(), name.to_owned()),
                (NAMESPACE_KEY.to_owned(), zone.to_owned()),
            ];
            (name.to_owned(), labels.into())
        })
        .collect()
}

fn inventory(rng: &mut Rng, interfaces: &[&str]) -> Inventory {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let mut endpoints = Vec::new();
    let links = interfaces.iter().map(|name| Some((*name).to_owned()));
    for (index, interface) in links.chain([None, None, None]).enumerate() {
        let init = rng.u8(..6) == 0;
        let mut labels = Labels::new();
        for key in KEYS {
            if rng.u8(..4) > 0 && !init {
                labels.insert(key.to_owned(), word(rng, &VALUES));
            }
        }
        let subnet = rng.u8(..3);
        let host = index + 10 + if rng.bool() { 120 } else { 0 };
        endpoints.push(Arc::new(Endpoint {
            name: format!("endpoint-{index}"),
            namespace: (rng.u8(..4) > 0).then(|| word(rng, &NAMESPACES)),
            init,
            labels: Arc::new(labels),
            node: None,
            interface,
            ports: named_ports(rng),
            addresses: [
                format!("10.1.{subnet}.{host}"),
                format!("fd00::{subnet}:{host}"),
            ]
            .iter()
            .filter_map(|text| address(text))
            .collect(),
        }));
    }
    let both = |one: &str, other: &str| -> Vec<IpAddr> {
        [one, other].into_iter().filter_map(address).collect()
    };
    Inventory {
        node: Node {
            name: "node-1".to_owned(),
            addresses: both("10.1.0.1", "fd00::1"),
            uplinks: Vec::new(),
            labels: node_labels(rng),
        },
        endpoints,
        namespaces: namespaces(),
        remote_nodes: vec![RemoteNode {
            name: "node-2".to_owned(),
            addresses: both("10.2.0.1", "fd00:2::1"),
            labels: node_labels(rng),
        }],
        addresses_of: AddressesOf {
            // Sometimes another node's, always one outside, sometimes one that a block covers.
            kube_apiserver: [
                ("10.2.0.1", "fd00:2::1"),
                ("198.51.100.2", "2a00::8"),
                ("192.0.2.9", "2001:db8:1::9"),
            ]
            .into_iter()
            .enumerate()
            .filter(|(position, _)| *position == 1 || rng.bool())
            .flat_map(|(_, (one, other))| both(one, other))
            .collect(),
            health: both("10.1.2.250", "fd00::2:250"),
            ingress: both("10.1.2.251", "fd00::2:251"),
            unmanaged: both("10.1.2.252", "fd00::2:252"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_valid_and_follow_from_the_seed() {
        for seed in 0..200 {
            let case = Case::new(seed, &["veth-a"]);
            assert_eq!(
                polc_model::validate::validate(&case.model),
                Ok(()),
                "seed {seed}"
            );
            assert_eq!(case.model, Case::new(seed, &["veth-a"]).model);
        }
    }
}
