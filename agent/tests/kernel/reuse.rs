//! What a change loads: the programs of the policies that changed, and none for a change of the
//! inventory.

use std::{net::Ipv4Addr, sync::Arc};

use polc_abi::verdict::Verdict;
use polc_agent::pins::Pins;
use polc_codegen::Limits;
use polc_inventory::{Endpoint, Inventory};
use polc_model::{
    Action, Direction, Enforcement, Entity, Isolation, L4Match, L4Packet, L4Term, LabelOperator,
    Labels, Model, NamedPorts, Origin, Policy, PolicyId, PortProtocol, PortRange, Rule, Selector,
    SelectorExpr, SelectorId, Tier,
};
use polc_plan::Choice;
use polc_testgen::{Case, Probe, Subject};

use crate::probing::Kernel;

const INTERFACES: [&str; 2] = ["veth-a", "veth-b"];
/// Selectors of each policy, so that a peer may have any of 256 signatures.
const BITS: usize = 8;

#[test]
fn a_change_loads_what_changed_and_nothing_else() {
    super::on_a_node("reuse", &INTERFACES, |bpffs| {
        let mut node = Node::new(Kernel::new(Pins::new(bpffs, "reuse")));
        // Ingress of each policy, and egress, which has none.
        assert_eq!(node.apply(), 3);
        node.is_right();
        assert_eq!(node.apply(), 0, "nothing changed");

        node.model.rules[0].l4 = tcp(4_000);
        assert_eq!(node.apply(), 1, "a rule of one policy");
        node.is_right();

        let new = node.selector("new", "1");
        node.model.rules[1].peer = new;
        assert_eq!(node.apply(), 0, "a bit that stands for another selector");
        node.is_right();
        let peer = node.selector("newer", "1");
        let last = node.model.rules.last().unwrap().clone();
        node.model.rules.push(Rule { peer, ..last });
        assert_eq!(
            node.apply(),
            1,
            "a rule more, with a selector that no policy had"
        );
        node.is_right();

        node.add_peers(1..9);
        assert_eq!(node.apply(), 0, "peers with signatures that nobody had");
        node.is_right();
        node.inventory.endpoints.truncate(INTERFACES.len());
        node.add_peers(20..25);
        assert_eq!(node.apply(), 0, "others in their place");
        node.is_right();

        node.add_peers(25..250);
        assert_eq!(node.apply(), 3, "more signatures than there was room for");
        node.is_right();
        assert_eq!(node.apply(), 0, "the new room serves on");

        node.model.policies[1].name = "renamed".to_owned();
        assert_eq!(node.apply(), 1, "a policy of another name");
        node.is_right();
    });
}

struct Node {
    kernel: Kernel,
    model: Model,
    inventory: Inventory,
}

impl Node {
    /// Two endpoints, with a policy each.
    fn new(kernel: Kernel) -> Self {
        let mut node = Self {
            kernel,
            model: Model {
                package: "reuse".to_owned(),
                files: vec!["reuse.pol".to_owned()],
                ..Model::default()
            },
            inventory: Inventory::parse("node: { name: n }\n").unwrap(),
        };
        for (role, interface) in ["a", "b"].into_iter().zip(INTERFACES) {
            let subject = node.selector("role", role);
            node.model.policies.push(Policy {
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
            for bit in 0..BITS {
                let peer = node.selector(&format!("{role}-{bit}"), "1");
                node.model.rules.push(Rule {
                    policy: PolicyId::new(node.model.policies.len() - 1),
                    direction: Direction::Ingress,
                    action: Action::Allow,
                    peer,
                    l4: tcp(port(bit)),
                    l7: None,
                    origin: Origin::default(),
                });
            }
            let number = node.inventory.endpoints.len() as u32 + 2;
            node.inventory.endpoints.push(Arc::new(Endpoint {
                interface: Some(interface.to_owned()),
                ..endpoint(role, number, [("role".to_owned(), role.to_owned())].into())
            }));
        }
        node
    }

    fn selector(&mut self, key: &str, value: &str) -> SelectorId {
        self.model.selectors.push(Selector {
            expr: SelectorExpr::AllOf(vec![
                SelectorExpr::Entity(Entity::Endpoints),
                SelectorExpr::Label {
                    key: key.to_owned(),
                    operator: LabelOperator::In(vec![value.to_owned()]),
                },
            ]),
            text: key.to_owned(),
        });
        SelectorId::new(self.model.selectors.len() - 1)
    }

    /// Peers elsewhere, whose labels are the bits of their number.
    fn add_peers(&mut self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let bits = (0..BITS).filter(|bit| number >> bit & 1 == 1);
            let labels = bits.flat_map(|bit| ["a", "b"].map(|role| format!("{role}-{bit}")));
            let labels: Labels = labels.map(|label| (label, "1".to_owned())).collect();
            let name = format!("peer-{number}");
            let peer = endpoint(&name, 1_000 + number, labels);
            self.inventory.endpoints.push(Arc::new(peer));
        }
    }

    fn case(&self) -> Case {
        Case::of(0, self.model.clone(), self.inventory.clone())
    }

    /// Puts all in force. How many classes' programs were loaded for it.
    fn apply(&mut self) -> usize {
        let case = self.case();
        let applied = self
            .kernel
            .put_in_force(&case, Choice::Cheapest, Limits::default());
        applied.loaded
    }

    /// Asks about every peer and port, at both endpoints.
    #[expect(clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
    fn is_right(&mut self) {
        let case = self.case();
        let mut allowed = 0;
        for (number, _) in INTERFACES.iter().enumerate() {
            let local = case.inventory.endpoints[number].addresses[0];
            let remote = case.inventory.endpoints.iter().skip(INTERFACES.len());
            let remote = remote.map(|endpoint| endpoint.addresses[0]);
            // And somebody whom the node does not know.
            for remote in remote.chain([Ipv4Addr::new(192, 0, 2, 1).into()]) {
                for port in (0..BITS).map(port).chain([4_000]) {
                    let probe = Probe {
                        subject: Subject::Endpoint(number),
                        direction: Direction::Ingress,
                        local,
                        remote,
                        l4: L4Packet::Port(PortProtocol::Tcp, port),
                    };
                    let expected = polc_equivalence::reference(&case, &probe).unwrap();
                    assert_eq!(
                        self.kernel.judge(&case, &probe),
                        Some(expected),
                        "{probe:?}"
                    );
                    allowed += usize::from(expected.verdict == Verdict::Allow);
                }
            }
        }
        let has_peers = self.inventory.endpoints.len() > INTERFACES.len();
        assert!(!has_peers || allowed > 0);
    }
}

fn endpoint(name: &str, number: u32, labels: Labels) -> Endpoint {
    Endpoint {
        name: name.to_owned(),
        namespace: None,
        labels: Arc::new(labels),
        node: None,
        interface: None,
        init: false,
        ports: NamedPorts::new(),
        addresses: vec![Ipv4Addr::from_bits((10 << 24) + number).into()],
    }
}

fn tcp(port: u16) -> L4Match {
    L4Match::Of(vec![L4Term::Ports {
        protocol: PortProtocol::Tcp,
        ports: PortRange::single(port),
    }])
}

fn port(bit: usize) -> u16 {
    80 + u16::try_from(bit).unwrap()
}
