//! Damaged frames to an endpoint, from another one of the same node and from an uplink: asked in the hook
//! where they come in, policies say what they say in two, report the same, and leave the same flows
//! behind.

#![expect(
    clippy::indexing_slicing,
    reason = "a test: a panic is its way to fail"
)]

use std::{collections::BTreeMap, path::Path, process::Command};

use fastrand::Rng;
use polc_abi::{
    event::Event,
    flow::{Flow, FlowKey},
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
};
use polc_agent::{
    candidate::{Candidate, MissingInterface},
    delivery::Delivery,
    state_dir::Source,
    sys::{interface, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_model::{Action, Direction, L4Match, L4Term, PortProtocol, PortRange};
use polc_testbed::Namespace;

use crate::{
    hooks::Hooks,
    packets::generate::{self, Hook},
};

/// The second endpoint is whoever the frames of [`generate`] are from and for.
const TWO_ENDPOINTS: &str = "
node: { name: node-1 }
endpoints:
- { name: a, interface: veth-a, addresses: [10.0.0.2, 'fd00::2'] }
- { name: b, interface: veth-b, addresses: [192.0.2.7, '2001:db8::7'] }
";
/// They are somewhere else.
const AN_UPLINK: &str = "
node: { name: node-1, uplinks: [veth-b] }
endpoints:
- { name: a, interface: veth-a, addresses: [10.0.0.2, 'fd00::2'] }
";
/// `TC_ACT_REDIRECT`: the packet is put into its receiver.
const DELIVERED: i32 = 7;
/// Frames of the normal test; `POLC_PACKETS` says another number, `POLC_PACKETS_SEED` where to begin.
const FRAMES: u64 = 10_000;
/// Frames between two clean starts.
const BATCH: u64 = 500;

#[test]
fn one_hook_says_what_two_hooks_say() {
    super::on_a_node("delivery", &["veth-a", "veth-b"], |bpffs| {
        let nodes = |local| Node::new(bpffs, TWO_ENDPOINTS, local);
        compare([nodes(Delivery::Local), nodes(Delivery::Routed)], |hook| {
            if hook == Hook::FromEndpoint {
                ["veth-a", "veth-b"]
            } else {
                ["veth-b", "veth-a"]
            }
        });
    });
}

#[test]
fn one_hook_says_what_two_hooks_say_about_what_comes_from_an_uplink() {
    super::on_a_node("arrival", &["veth-a", "veth-b"], |bpffs| {
        let nodes = |local| Node::new(bpffs, AN_UPLINK, local);
        compare([nodes(Delivery::Direct), nodes(Delivery::Routed)], |_| {
            ["veth-b", "veth-a"]
        });
    });
}

/// Sends frames over two nodes, between links that depend on where they come from.
fn compare([mut one, mut two]: [Node; 2], between: impl Fn(Hook) -> [&'static str; 2]) {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let frames = number("POLC_PACKETS").unwrap_or(FRAMES);
    let mut random = Rng::with_seed(number("POLC_PACKETS_SEED").unwrap_or(1));
    let mut delivered = [0_u64; 2];
    for number in 0..frames {
        if number % BATCH == 0 {
            assert_eq!(one.flows(), two.flows(), "before frame {number}");
            one.forget();
            two.forget();
        }
        let (hook, frame) = generate::frame(&mut random);
        let links = between(hook);
        let said = [one.send(links, &frame), two.send(links, &frame)];
        let (in_one, in_two) = (&said[0], &said[1]);
        assert_eq!(
            in_one.passes, in_two.passes,
            "{number}: {frame:02x?}: {said:#?}"
        );
        assert_eq!(in_one.events, in_two.events, "{number}: {frame:02x?}");
        assert!(!in_two.in_one_hook);
        if in_one.in_one_hook {
            delivered[usize::from(in_one.passes)] += 1;
        }
    }
    println!("{delivered:?} of {frames} denied and delivered in one hook");
    assert!(
        delivered.iter().all(|&count| count > frames / 200),
        "{delivered:?}"
    );
}

fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status();
    assert!(status.unwrap().success(), "ip {words}");
}

/// A node, and what it says about packets.
struct Node {
    hooks: Hooks,
    uplink: Option<String>,
    _pods: Namespace,
}

/// What became of a packet.
#[derive(Debug)]
struct Said {
    passes: bool,
    /// Whether the receiver was asked in the sender's hook.
    in_one_hook: bool,
    events: Vec<Event>,
}

impl Node {
    fn new(bpffs: &Path, inventory: &str, delivery: Delivery) -> Self {
        let name = format!("{delivery:?}").to_lowercase();
        let place = if inventory == AN_UPLINK {
            "arrival"
        } else {
            "delivery"
        };
        let pods = Namespace::new(&format!("{place}-{name}")).unwrap();
        for end in ["a", "b"] {
            ip(&format!("link set veth-{end} address 02:00:00:00:00:fe"));
            // Of the first node; the second routes, wherever the other end is.
            if interface::index_of(&format!("peer-{end}")).is_some() {
                ip(&format!("link set peer-{end} netns {}", pods.name()));
            }
        }
        let mut hooks = Hooks::new(bpffs, &name);
        hooks.dataplane.deliver(delivery);
        // Everything is allowed, but for two kinds of packets at their receivers.
        let mut model = crate::reject::model(Action::Allow);
        let mut deny = model.rules[0].clone();
        deny.direction = Direction::Ingress;
        deny.action = Action::Deny;
        let udp = L4Term::Ports {
            protocol: PortProtocol::Udp,
            ports: PortRange {
                first: 0,
                last: 1023,
            },
        };
        let sctp = L4Term::Ports {
            protocol: PortProtocol::Sctp,
            ports: PortRange::ALL,
        };
        deny.l4 = L4Match::Of(vec![udp, sctp]);
        model.rules.push(deny);
        let uplink = inventory.contains("uplinks").then(|| "veth-b".to_owned());
        let encoded = Bundle::compile(model, []).unwrap().encode().unwrap();
        let (bundle, path) = (Path::new("a.polb"), Path::new("a.yaml"));
        let source = Source::of_text(encoded, inventory, path).unwrap();
        let missing = MissingInterface::Refuse;
        let candidate = Candidate::new(source, &Trust::Anyone, bundle, path, missing);
        hooks
            .dataplane
            .apply(&candidate.unwrap(), |_| Ok(()))
            .unwrap();
        Self {
            hooks,
            uplink,
            _pods: pods,
        }
    }

    /// Lets a frame come in by a link, which the node would route to the endpoint behind another.
    fn send(&mut self, [from, to]: [&str; 2], frame: &[u8]) -> Said {
        while self.hooks.next_event().is_some() {}
        let [sender, receiver] = [from, to].map(|link| interface::index_of(link).unwrap());
        let hook = match &self.uplink {
            Some(uplink) if uplink == from => "from_uplink",
            _ => "from_endpoint",
        };
        let first = self.run(hook, sender, frame);
        let mut events = self.events();
        let in_one_hook =
            events.iter().any(|event| event.ifindex == receiver) || first == DELIVERED;
        let passes = match first {
            DELIVERED => true,
            RETURN_ON_FAILURE => false,
            RETURN_PASS => {
                // As a router passes it on.
                let mut frame = frame.to_vec();
                let hops = if frame[12..14] == [0x08, 0x00] {
                    22
                } else {
                    21
                };
                if let Some(hops) = frame.get_mut(hops) {
                    *hops = hops.saturating_sub(1);
                }
                let second = self.run("to_endpoint", receiver, &frame);
                events.extend(self.events());
                second == RETURN_PASS
            }
            other => panic!("the hook returned {other}"),
        };
        Said {
            passes,
            in_one_hook,
            events,
        }
    }

    fn run(&self, program: &str, ifindex: u32, frame: &[u8]) -> i32 {
        let program = self.hooks.dataplane.datapath().descriptor(program).unwrap();
        test_run::run(&program, frame, ifindex).unwrap().result
    }

    /// What was reported, but when.
    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.hooks.next_event())
            .map(|event| Event {
                time_ns: 0,
                ..event
            })
            .collect()
    }

    /// The flows of both tables, but when and which way.
    fn flows(&self) -> BTreeMap<FlowKey, Flow> {
        let tables = [&self.hooks.flows, &self.hooks.new_flows];
        let entries = tables.map(|table| table.entries().unwrap());
        let timeless = |(key, flow)| {
            let flow = Flow {
                created_ns: 0,
                seen_ns: 0,
                past_stack: 0,
                ..flow
            };
            (key, flow)
        };
        entries.into_iter().flatten().map(timeless).collect()
    }

    fn forget(&self) {
        self.hooks.flows.clear().unwrap();
        self.hooks.new_flows.clear().unwrap();
    }
}
