//! Packages made to measure.

use std::{collections::BTreeMap, sync::Arc};

use polc_inventory::{AddressesOf, Endpoint, Inventory, Node};
use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, L4Term, LabelOperator, Labels, Model,
    NamedPorts, Origin, Phase, Policy, PolicyId, PortProtocol, PortRange, Rule, Selector,
    SelectorExpr, SelectorId, Tier,
};
use polc_plan::ClassKey;

/// A package of policies that isolate the ingress of endpoints.
#[derive(Default)]
pub(crate) struct Package {
    pub(crate) model: Model,
}

impl Package {
    pub(crate) fn new() -> Self {
        Self {
            model: Model {
                package: "bench".to_owned(),
                files: vec!["bench.pol".to_owned()],
                ..Model::default()
            },
        }
    }

    /// A selector.
    pub(crate) fn selector(&mut self, expr: SelectorExpr) -> SelectorId {
        self.model.selectors.push(Selector {
            expr,
            text: String::new(),
        });
        SelectorId::new(self.model.selectors.len() - 1)
    }

    /// A policy for endpoints with this role. Names must come in order.
    pub(crate) fn policy(&mut self, role: &str) -> PolicyId {
        let subject = self.selector(label("role", role));
        self.model.policies.push(Policy {
            name: role.to_owned(),
            subject,
            tier: Tier::Normal,
            priority: 0,
            enforcement: Enforcement::Enforce,
            ingress: Some(Isolation::Isolates),
            egress: None,
            doc: None,
            origin: Origin::default(),
        });
        PolicyId::new(self.model.policies.len() - 1)
    }

    /// A rule of the latest policy: peers may reach these TCP ports.
    pub(crate) fn allow(&mut self, peer: SelectorId, ports: impl IntoIterator<Item = u16>) {
        self.rule(peer, PortProtocol::Tcp, ports);
    }

    /// A rule of the latest policy: peers may reach this UDP port.
    pub(crate) fn allow_udp(&mut self, peer: SelectorId, port: u16) {
        self.rule(peer, PortProtocol::Udp, [port]);
    }

    fn rule(
        &mut self,
        peer: SelectorId,
        protocol: PortProtocol,
        ports: impl IntoIterator<Item = u16>,
    ) {
        let term = |port| L4Term::Ports {
            protocol,
            ports: PortRange::single(port),
        };
        self.model.rules.push(Rule {
            policy: PolicyId::new(self.model.policies.len().saturating_sub(1)),
            direction: Direction::Ingress,
            action: Action::Allow,
            peer,
            l4: L4Match::Of(ports.into_iter().map(term).collect()),
            l7: None,
            origin: Origin::default(),
        });
    }
}

/// The class of one policy.
pub(crate) fn class_of(policy: PolicyId) -> ClassKey {
    ClassKey {
        direction: Direction::Ingress,
        phase: Phase::Ready,
        policies: vec![policy],
    }
}

/// Endpoints with a label.
pub(crate) fn label(key: &str, value: &str) -> SelectorExpr {
    SelectorExpr::Label {
        key: key.to_owned(),
        operator: LabelOperator::In(vec![value.to_owned()]),
    }
}

/// A node with endpoints of these roles, all with an interface.
pub(crate) fn node(roles: impl IntoIterator<Item = String>) -> Inventory {
    let endpoints = (1..)
        .zip(roles)
        .map(|(number, role): (u32, String)| Endpoint {
            name: format!("local-{number}"),
            namespace: None,
            labels: Arc::new(Labels::from([("role".to_owned(), role)])),
            node: None,
            interface: Some(format!("none-{number}")),
            init: false,
            ports: NamedPorts::new(),
            addresses: vec![std::net::Ipv4Addr::from_bits((192 << 24) + number).into()],
        });
    Inventory {
        node: Node {
            name: "bench".to_owned(),
            addresses: Vec::new(),
            uplinks: Vec::new(),
            labels: Labels::new(),
        },
        endpoints: endpoints.map(Arc::new).collect(),
        namespaces: BTreeMap::new(),
        remote_nodes: Vec::new(),
        addresses_of: AddressesOf::default(),
    }
}
