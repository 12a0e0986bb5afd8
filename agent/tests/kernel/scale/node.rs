//! The large node and its package.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use ipnet::IpNet;
use polc_inventory::{Endpoint, Inventory, Node, RemoteNode};
use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, L4Term, LabelOperator, Labels, Model,
    Origin, Policy, PolicyId, PortProtocol, PortRange, Rule, Selector, SelectorExpr, SelectorId,
    Tier,
};

pub(super) const INTERFACES: [&str; 4] = ["veth-a", "veth-b", "veth-c", "veth-d"];
pub(super) const PEERS: usize = 65_536;
/// Values of the label that rules ask for.
pub(super) const APPS: usize = 3_000;
pub(super) const LIST: usize = 5_000;

/// One policy for each local endpoint; together they ask for 4,096 selectors.
pub(super) mod rules {
    /// Of "ports": an interval of ports for each.
    pub(in crate::scale) const PORTS: usize = 1_024;
    /// Of "labels": all about one port.
    pub(in crate::scale) const LABELS: usize = 1_984;
    /// Of "blocks": a CIDR block with an exception for each.
    pub(in crate::scale) const BLOCKS: usize = 1_024;
    /// Of "unions": one asks for a long list of blocks with exceptions.
    pub(in crate::scale) const UNIONS: usize = 64;
}

/// An allowed block and the part of it that is not meant.
pub(super) fn list_block(number: usize) -> (IpNet, IpNet) {
    blocks(20, number, (128, 25))
}

pub(super) fn rule_block(number: usize) -> (IpNet, IpNet) {
    blocks(30, number, (64, 26))
}

pub(super) fn blocks(first: u8, number: usize, (host, length): (u8, u8)) -> (IpNet, IpNet) {
    let [.., second, third] = (number as u64).to_be_bytes();
    let network = |host, length| {
        IpNet::new(Ipv4Addr::new(first, second, third, host).into(), length).unwrap()
    };
    (network(0, 24), network(host, length))
}

pub(super) fn label(key: &str, value: String) -> SelectorExpr {
    SelectorExpr::Label {
        key: key.to_owned(),
        operator: LabelOperator::In(vec![value]),
    }
}

pub(super) fn except((block, exception): (IpNet, IpNet)) -> SelectorExpr {
    let cidr = |block| Box::new(SelectorExpr::Cidr(block));
    SelectorExpr::Minus(cidr(block), cidr(exception))
}

pub(super) fn ports(protocol: PortProtocol, first: usize, last: usize) -> L4Match {
    let port = |port: usize| u16::try_from(port).unwrap();
    L4Match::Of(vec![L4Term::Ports {
        protocol,
        ports: PortRange {
            first: port(first),
            last: port(last),
        },
    }])
}

pub(super) fn model() -> Model {
    let mut model = Model {
        package: "scale".to_owned(),
        files: vec!["scale.pol".to_owned()],
        ..Model::default()
    };
    let block_rules = (0..rules::BLOCKS).map(|rule| {
        let l4 = ports(PortProtocol::Udp, 53, 53 + rule % 4);
        (except(rule_block(rule)), l4)
    });
    policy(&mut model, "blocks", block_rules.collect());
    let label_rules = (0..rules::LABELS).map(|rule| {
        let selector = if rule % 2 == 0 {
            label("app", format!("app-{}", rules::PORTS + rule))
        } else {
            SelectorExpr::AllOf(vec![
                label("zone", format!("zone-{}", rule % 64)),
                label("app", format!("app-{rule}")),
            ])
        };
        (selector, ports(PortProtocol::Tcp, 443, 443))
    });
    policy(&mut model, "labels", label_rules.collect());
    // Intervals of 60 ports, each matched by up to eight rules.
    let port_rules = (0..rules::PORTS).map(|rule| {
        let first = 60 * rule;
        let last = first + 59 + 60 * (rule % 8);
        let l4 = ports(PortProtocol::Tcp, first, last.min(65_535));
        (label("app", format!("app-{rule}")), l4)
    });
    policy(&mut model, "ports", port_rules.collect());
    let list = SelectorExpr::AnyOf((0..LIST).map(|one| except(list_block(one))).collect());
    let others = (1..rules::UNIONS).map(|rule| except(blocks(40, rule, (0, 31))));
    let union_rules = [list].into_iter().chain(others);
    let anything = union_rules.map(|selector| (selector, L4Match::Any));
    policy(&mut model, "unions", anything.collect());
    model
}

/// Adds a policy with these rules in both directions for the endpoint of this role.
pub(super) fn policy(model: &mut Model, role: &str, rules: Vec<(SelectorExpr, L4Match)>) {
    let mut intern = |expr| {
        model.selectors.push(Selector {
            expr,
            text: String::new(),
        });
        SelectorId::new(model.selectors.len() - 1)
    };
    let subject = intern(label("role", role.to_owned()));
    let rules: Vec<(SelectorId, L4Match)> = rules
        .into_iter()
        .map(|(expr, l4)| (intern(expr), l4))
        .collect();
    let id = PolicyId::new(model.policies.len());
    model.policies.push(Policy {
        name: role.to_owned(),
        subject,
        tier: Tier::Normal,
        priority: 0,
        enforcement: Enforcement::Enforce,
        ingress: Some(Isolation::Isolates),
        egress: Some(Isolation::Isolates),
        doc: None,
        origin: Origin::default(),
    });
    for direction in Direction::BOTH {
        for (number, (peer, l4)) in rules.iter().enumerate() {
            model.rules.push(Rule {
                policy: id,
                direction,
                action: match number % 8 {
                    7 => Action::Deny,
                    _ => Action::Allow,
                },
                peer: *peer,
                l4: l4.clone(),
                l7: None,
                origin: Origin::default(),
            });
        }
    }
}

/// The endpoints of this node first.
pub(super) fn inventory() -> Inventory {
    let roles = ["ports", "unions", "labels", "blocks"].map(Some);
    let interfaces = INTERFACES.map(Some);
    let others = std::iter::repeat(None);
    let endpoints = (0..PEERS)
        .zip(roles.into_iter().chain(others.clone()))
        .zip(interfaces.into_iter().chain(others))
        .map(|((number, role), interface)| {
            let mut labels = Labels::from([
                ("app".to_owned(), format!("app-{}", number % APPS)),
                ("zone".to_owned(), format!("zone-{}", number % 64)),
                ("pod".to_owned(), format!("pod-{number}")),
            ]);
            if let Some(role) = role {
                labels.insert("role".to_owned(), role.to_owned());
            }
            Arc::new(Endpoint {
                init: false,
                node: None,
                ports: polc_model::NamedPorts::new(),
                name: format!("endpoint-{number}"),
                namespace: Some("large".to_owned()),
                labels: Arc::new(labels),
                interface: interface.map(str::to_owned),
                addresses: vec![pod_address(number)],
            })
        })
        .collect();
    Inventory {
        addresses_of: polc_inventory::AddressesOf::default(),
        node: Node {
            name: "node-1".to_owned(),
            addresses: vec!["172.16.0.1".parse().unwrap()],
            uplinks: Vec::new(),
            labels: Labels::new(),
        },
        endpoints,
        namespaces: [].into(),
        remote_nodes: vec![RemoteNode {
            name: "node-2".to_owned(),
            addresses: vec!["172.16.0.2".parse().unwrap()],
            labels: Labels::new(),
        }],
    }
}

pub(super) fn pod_address(number: usize) -> IpAddr {
    let first = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    Ipv4Addr::from_bits(first + u32::try_from(number).unwrap()).into()
}
