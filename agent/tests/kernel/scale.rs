//! A large node: 65,536 peers with labels of their own, 4,096 selectors in use, classes of a
//! thousand rules and more, thousands of CIDR blocks with exceptions. Each step is timed and
//! printed; what the kernel then says of random packets is compared with the reference.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Instant,
};

use fastrand::Rng;
use ipnet::IpNet;
use polc_agent::{
    candidate::{Candidate, MissingInterface},
    pins::Pins,
    state_dir::Source,
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_inventory::{AddressesOf, Endpoint, Inventory, Node, RemoteNode};
use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, L4Packet, L4Term, LabelOperator, Labels,
    Model, Origin, Policy, PolicyId, PortProtocol, PortRange, Rule, Selector, SelectorExpr,
    SelectorId, Tier,
};
use polc_plan::ClassKey;
use polc_tables::NodeTables;
use polc_testgen::{Case, Probe};

use crate::probing::Kernel;

const INTERFACES: [&str; 4] = ["veth-a", "veth-b", "veth-c", "veth-d"];
const PEERS: usize = 65_536;
/// Values of the label that rules ask for.
const APPS: usize = 3_000;
const LIST: usize = 5_000;
const PROBES: usize = 400;

/// One policy for each local endpoint; together they ask for 4,096 selectors.
mod rules {
    /// Of "ports": an interval of ports for each.
    pub(super) const PORTS: usize = 1_024;
    /// Of "labels": all about one port.
    pub(super) const LABELS: usize = 1_984;
    /// Of "blocks": a CIDR block with an exception for each.
    pub(super) const BLOCKS: usize = 1_024;
    /// Of "unions": one asks for a long list of blocks with exceptions.
    pub(super) const UNIONS: usize = 64;
}

#[test]
fn a_large_node_is_quick_to_fill_and_right() {
    super::on_a_node("scale", &INTERFACES, |bpffs| {
        let mut kernel = Kernel::new(Pins::new(bpffs, "scale"));
        let case = Case::of(0, model(), inventory());
        fill(&mut kernel, &case);
        let mut allowed = 0;
        timed("compare with the reference", || {
            let mut rng = Rng::with_seed(7);
            for _ in 0..PROBES {
                let probe = probe(&mut rng, &case.inventory);
                let expected = polc_equivalence::reference(&case, &probe).unwrap();
                assert_eq!(kernel.judge(&case, &probe), expected, "{probe:?}");
                allowed += u32::from(expected.verdict == polc_abi::verdict::Verdict::Allow);
            }
        });
        println!("{PROBES} packets, {allowed} allowed: kernel and reference agree");
        assert!((PROBES / 10..PROBES * 9 / 10).contains(&(allowed as usize)));
    });
}

/// Puts the case in force and says what each step takes. Planning and filling tables happen twice:
/// alone, to be timed, and as part of what the compiler and the agent do.
fn fill(kernel: &mut Kernel, case: &Case) {
    let model = &case.model;
    let local = case.inventory.endpoints.iter().take(INTERFACES.len());
    let classes: Vec<ClassKey> = local
        .flat_map(|one| {
            Direction::BOTH.map(|direction| ClassKey::of(model, direction, &one.facts(None)))
        })
        .collect();
    let plan = timed("plan", || polc_plan::plan(model, classes.clone()).unwrap());
    let bundle = timed("compile", || {
        Bundle::compile(model.clone(), classes).unwrap()
    });
    let tables = timed("tables", || {
        NodeTables::compute(model, &plan, &case.inventory).unwrap()
    });
    let sizes = &tables.signatures;
    println!(
        "{} addresses, {} prefixes, {} signatures of {} words",
        tables.addresses.len(),
        tables.prefixes.len(),
        sizes.count(),
        sizes.words()
    );
    for class in &tables.classes {
        let what = &class.enforced;
        println!(
            "{} of {:?}: {} intervals, {} leaves, {}",
            class.key.direction,
            class.key.policies,
            what.intervals.len(),
            what.leaf_count(),
            what.strategy()
        );
    }
    let source = timed("write", || Source {
        bundle: bundle.encode().unwrap(),
        signature: None,
        inventory: serde_yaml::to_string(&case.inventory).unwrap(),
    });
    let candidate = timed("read, check and compute", || {
        let (bundle, inventory) = (Path::new("scale.polb"), Path::new("scale.yaml"));
        let missing = MissingInterface::Refuse;
        Candidate::new(source, &Trust::Anyone, bundle, inventory, missing).unwrap()
    });
    let applied = timed("apply", || {
        kernel.dataplane.apply(&candidate, |_| Ok(())).unwrap()
    });
    for program in &applied.programs {
        let verified = program.verified_instructions;
        println!("{}: {verified} instructions verified", program.class);
    }
    timed("apply again, and empty the other side", || {
        kernel.dataplane.apply(&candidate, |_| Ok(())).unwrap()
    });
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what}: {:.0?}", started.elapsed());
    result
}

/// An allowed block and the part of it that is not meant.
fn list_block(number: usize) -> (IpNet, IpNet) {
    blocks(20, number, (128, 25))
}

fn rule_block(number: usize) -> (IpNet, IpNet) {
    blocks(30, number, (64, 26))
}

fn blocks(first: u8, number: usize, (host, length): (u8, u8)) -> (IpNet, IpNet) {
    let [.., second, third] = (number as u64).to_be_bytes();
    let network = |host, length| {
        IpNet::new(Ipv4Addr::new(first, second, third, host).into(), length).unwrap()
    };
    (network(0, 24), network(host, length))
}

fn label(key: &str, value: String) -> SelectorExpr {
    SelectorExpr::Label {
        key: key.to_owned(),
        operator: LabelOperator::In(vec![value]),
    }
}

fn except((block, exception): (IpNet, IpNet)) -> SelectorExpr {
    let cidr = |block| Box::new(SelectorExpr::Cidr(block));
    SelectorExpr::Minus(cidr(block), cidr(exception))
}

fn ports(protocol: PortProtocol, first: usize, last: usize) -> L4Match {
    let port = |port: usize| u16::try_from(port).unwrap();
    L4Match::Of(vec![L4Term::Ports {
        protocol,
        ports: PortRange {
            first: port(first),
            last: port(last),
        },
    }])
}

fn model() -> Model {
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
fn policy(model: &mut Model, role: &str, rules: Vec<(SelectorExpr, L4Match)>) {
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
fn inventory() -> Inventory {
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
            Endpoint {
                init: false,
                ports: polc_model::NamedPorts::new(),
                name: format!("endpoint-{number}"),
                namespace: Some("large".to_owned()),
                labels,
                interface: interface.map(str::to_owned),
                addresses: vec![pod_address(number)],
            }
        })
        .collect();
    Inventory {
        addresses_of: AddressesOf::default(),
        node: Node {
            name: "node-1".to_owned(),
            addresses: vec!["172.16.0.1".parse().unwrap()],
            uplinks: Vec::new(),
        },
        endpoints,
        remote_nodes: vec![RemoteNode {
            name: "node-2".to_owned(),
            addresses: vec!["172.16.0.2".parse().unwrap()],
        }],
    }
}

fn pod_address(number: usize) -> IpAddr {
    let first = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    Ipv4Addr::from_bits(first + u32::try_from(number).unwrap()).into()
}

/// A packet that has something to do with the policy of a local endpoint, more often than not.
fn probe(rng: &mut Rng, inventory: &Inventory) -> Probe {
    let tcp = |port| L4Packet::Port(PortProtocol::Tcp, port);
    let udp = |port| L4Packet::Port(PortProtocol::Udp, port);
    let endpoint = rng.usize(..INTERFACES.len());
    // Peers with the label of the rule around a port, now and then.
    let of_app = |rng: &mut Rng, app: usize| pod_address(app % APPS + APPS * rng.usize(1..20));
    let inside = |rng: &mut Rng, (block, _): (IpNet, IpNet)| -> IpAddr {
        let IpAddr::V4(network) = block.network() else {
            panic!("{block}")
        };
        Ipv4Addr::from_bits(network.to_bits() | u32::from(rng.u8(..))).into()
    };
    let (remote, l4) = match endpoint {
        0 => {
            let port = rng.u16(..);
            let app = usize::from(port / 60).saturating_sub(rng.usize(..8));
            (of_app(rng, app), tcp(port))
        }
        1 => {
            let list = list_block(rng.usize(..LIST));
            (inside(rng, list), udp(rng.u16(..)))
        }
        2 => {
            let app = rng.usize(..APPS);
            (of_app(rng, app), tcp(443))
        }
        _ => {
            let block = rule_block(rng.usize(..rules::BLOCKS));
            (inside(rng, block), udp(rng.u16(52..58)))
        }
    };
    let anyone = pod_address(rng.usize(INTERFACES.len()..PEERS));
    Probe {
        endpoint,
        direction: if rng.bool() {
            Direction::Ingress
        } else {
            Direction::Egress
        },
        local: *inventory
            .endpoints
            .get(endpoint)
            .unwrap()
            .addresses
            .first()
            .unwrap(),
        remote: if rng.u8(..5) == 0 { anyone } else { remote },
        l4,
    }
}
