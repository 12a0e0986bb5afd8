//! What `reject` answers and what it must not answer, packet by packet, through
//! `BPF_PROG_TEST_RUN` of the hooks.

use std::{net::IpAddr, path::Path};

use polc_abi::policy::{RETURN_ON_FAILURE, RETURN_PASS};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{interface, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_model::{
    Action, Direction, Enforcement, Isolation, L4Match, Model, Origin, Policy, PolicyId, Rule,
    Selector, SelectorExpr, SelectorId, Tier,
};
use polc_testbed::Frame;

pub(crate) const INVENTORY: &str = "
node: { name: node-1 }
endpoints: [{ name: a, interface: veth-a, addresses: [10.0.0.2, 'fd00::2'] }]
";
/// `TC_ACT_REDIRECT`: the answer is on its way.
const ANSWERED: i32 = 7;

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// One policy for everybody, both directions, that does this with everything.
pub(crate) fn model(action: Action) -> Model {
    let rule = |direction| Rule {
        policy: PolicyId::new(0),
        direction,
        action,
        peer: SelectorId::new(0),
        l4: L4Match::Any,
        l7: None,
        origin: Origin::default(),
    };
    Model {
        files: vec!["reject.pol".to_owned()],
        selectors: vec![
            Selector {
                expr: SelectorExpr::ALL,
                text: "all".to_owned(),
            },
            Selector {
                expr: SelectorExpr::Entity(polc_model::Entity::Endpoints),
                text: "endpoints".to_owned(),
            },
        ],
        policies: vec![Policy {
            name: "everybody".to_owned(),
            subject: SelectorId::new(1),
            tier: Tier::Normal,
            priority: 0,
            enforcement: Enforcement::Enforce,
            ingress: Some(Isolation::Isolates),
            egress: Some(Isolation::Isolates),
            doc: None,
            origin: Origin::default(),
        }],
        rules: Direction::BOTH.map(rule).to_vec(),
        ..Model::default()
    }
}

struct Kernel(Dataplane);

impl Kernel {
    fn new(bpffs: &Path, name: &str) -> Self {
        Self(Dataplane::open(Pins::new(bpffs, name), Mechanism::probe()).unwrap())
    }

    fn put_in_force(&mut self, action: Action) {
        let bundle = Bundle::compile(model(action), []).unwrap();
        let source = Source::of_text(
            bundle.encode().unwrap(),
            INVENTORY,
            Path::new("inventory.yaml"),
        )
        .unwrap();
        let (bundle, inventory) = (Path::new("reject.polb"), Path::new("reject.yaml"));
        let candidate = Candidate::new(
            source,
            &Trust::Anyone,
            bundle,
            inventory,
            MissingInterface::Refuse,
        );
        self.0.apply(&candidate.unwrap(), |_| Ok(())).unwrap();
    }

    fn run(&self, direction: Direction, frame: &Frame) -> i32 {
        let hook = match direction {
            Direction::Ingress => "to_endpoint",
            Direction::Egress => "from_endpoint",
        };
        let program = self.0.datapath().descriptor(hook).unwrap();
        let ifindex = interface::index_of("veth-a").unwrap();
        let answer = test_run::run(&program, frame.bytes(), ifindex).unwrap();
        answer.result
    }
}

/// The endpoint's address and an address outside, of both families.
fn ends() -> [(IpAddr, IpAddr); 2] {
    [("10.0.0.2", "192.0.2.7"), ("fd00::2", "2001:db8::7")]
        .map(|(own, other)| (own.parse().unwrap(), other.parse().unwrap()))
}

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_may_be_answered_is_and_nothing_else() {
    super::on_a_node("reject", &["veth-a"], |bpffs| {
        let mut kernel = Kernel::new(bpffs, "reject");
        kernel.put_in_force(Action::Reject);
        for (own, other) in ends() {
            for direction in Direction::BOTH {
                let (from, to) = match direction {
                    Direction::Ingress => (other, own),
                    Direction::Egress => (own, other),
                };
                for (what, expected, frame) in frames(from, to) {
                    assert_eq!(
                        kernel.run(direction, &frame),
                        expected,
                        "{what} from {from} to {to}"
                    );
                }
            }
        }
        for (what, direction, from, to) in [
            ("group", Direction::Egress, "10.0.0.2", "224.0.0.5"),
            (
                "broadcast",
                Direction::Egress,
                "10.0.0.2",
                "255.255.255.255",
            ),
            ("group", Direction::Egress, "fd00::2", "ff02::5"),
            ("unspecified", Direction::Ingress, "0.0.0.0", "10.0.0.2"),
            ("loopback", Direction::Ingress, "127.0.0.1", "10.0.0.2"),
            ("group", Direction::Ingress, "239.1.1.1", "10.0.0.2"),
            ("class E", Direction::Ingress, "240.0.0.1", "10.0.0.2"),
            ("unspecified", Direction::Ingress, "::", "fd00::2"),
            ("loopback", Direction::Ingress, "::1", "fd00::2"),
            ("group", Direction::Ingress, "ff05::1", "fd00::2"),
        ] {
            let frame = Frame::udp((at(from), 4000), (at(to), 53));
            let result = kernel.run(direction, &frame);
            assert_eq!(result, RETURN_ON_FAILURE, "{what}: {from} to {to}");
        }
    });
}

/// Packets of one family, and what the hook returns for them.
fn frames(from: IpAddr, to: IpAddr) -> Vec<(&'static str, i32, Frame)> {
    let (icmp, echo, reply, redirect, future) = if from.is_ipv4() {
        (1, 8, 0, 5, 60)
    } else {
        (58, 128, 129, 137, 100)
    };
    let message = |kind, code| Frame::ip(from, to, icmp, &[kind, code, 0, 0, 9, 9, 0, 1]);
    let udp = || Frame::udp((from, 4000), (to, 53));
    let everybody = udp().to_station([0xff; 6]);
    let group = udp().to_station([1, 0, 0x5e, 0, 0, 5]);
    let mut frames = vec![
        ("for every station", RETURN_ON_FAILURE, everybody),
        ("for a group of stations", RETURN_ON_FAILURE, group),
        ("SYN", ANSWERED, Frame::tcp((from, 4000), (to, 80), SYN)),
        ("datagram", ANSWERED, udp()),
        (
            "datagram without a payload",
            ANSWERED,
            Frame::ip(from, to, 17, &[9, 9, 0, 53, 0, 8, 0, 0]),
        ),
        ("SCTP", ANSWERED, Frame::ip(from, to, 132, &[1; 12])),
        ("GRE", ANSWERED, Frame::ip(from, to, 47, &[0; 4])),
        (
            "nothing of a protocol",
            ANSWERED,
            Frame::ip(from, to, 99, &[]),
        ),
        (
            "a large datagram",
            ANSWERED,
            Frame::ip(from, to, 99, &[0; 1400]),
        ),
        ("echo", ANSWERED, message(echo, 0)),
        ("echo reply", ANSWERED, message(reply, 0)),
        ("redirect", RETURN_ON_FAILURE, message(redirect, 0)),
        ("unknown ICMP type", RETURN_ON_FAILURE, message(future, 0)),
    ];
    if from.is_ipv4() {
        // IPv4 options: 24 bytes of header.
        let mut optioned = vec![1, 1, 1, 1];
        optioned.extend([9, 9, 0, 53, 0, 8, 0, 0]);
        let optioned = Frame::ip(from, to, 17, &optioned).with_byte(0, 0x46);
        frames.push(("datagram behind options", ANSWERED, optioned));
        // All but the last are whole units of eight bytes.
        let first = [9, 9, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let first = Frame::ip(from, to, 17, &first);
        let first = first.with_byte(6, 0x20).with_byte(4, 0x55);
        frames.push(("first fragment", ANSWERED, first));
        let later = Frame::ip(from, to, 17, &[0; 16]).with_byte(4, 0x55);
        frames.push(("later fragment", RETURN_ON_FAILURE, later.with_byte(7, 1)));
    } else {
        let fragment = |offset: u8, more: u8, data: &[u8]| {
            let mut payload = vec![17, 0, 0, offset << 3 | more, 0, 0, 0, 5];
            payload.extend(data);
            Frame::ip(from, to, 44, &payload)
        };
        let first = fragment(0, 1, &[9, 9, 0, 53, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        frames.push(("first fragment", ANSWERED, first));
        let later = fragment(2, 0, &[0; 16]);
        frames.push(("later fragment", RETURN_ON_FAILURE, later));
        let mut long = vec![17, 15, 1, 4];
        long.resize(128, 0);
        long.extend([9, 9, 0, 53, 0, 8, 0, 0]);
        let long = Frame::ip(from, to, 60, &long);
        frames.push((
            "datagram behind more than is quoted",
            RETURN_ON_FAILURE,
            long,
        ));
    }
    frames
}

#[test]
fn a_flow_that_becomes_rejected_is_answered_and_its_reset_is_not() {
    super::on_a_node("reject-known", &["veth-a"], |bpffs| {
        let mut kernel = Kernel::new(bpffs, "reject-known");
        for (own, other) in ends() {
            let to = |flags| Frame::tcp((other, 4000), (own, 80), flags);
            let from = |flags| Frame::tcp((own, 80), (other, 4000), flags);
            kernel.put_in_force(Action::Allow);
            assert_eq!(kernel.run(Direction::Ingress, &to(SYN)), RETURN_PASS);
            assert_eq!(kernel.run(Direction::Egress, &from(SYN | ACK)), RETURN_PASS);
            kernel.put_in_force(Action::Reject);
            // The first is judged, the others belong to a flow that was.
            for _ in 0..3 {
                assert_eq!(kernel.run(Direction::Ingress, &to(ACK)), ANSWERED);
                assert_eq!(kernel.run(Direction::Egress, &from(ACK)), ANSWERED);
                for flags in [RST, RST | ACK] {
                    let results = [
                        kernel.run(Direction::Ingress, &to(flags)),
                        kernel.run(Direction::Egress, &from(flags)),
                    ];
                    assert_eq!(results, [RETURN_ON_FAILURE; 2]);
                }
            }
            kernel.put_in_force(Action::Deny);
            assert_eq!(kernel.run(Direction::Ingress, &to(ACK)), RETURN_ON_FAILURE);
            assert_eq!(kernel.run(Direction::Egress, &from(ACK)), RETURN_ON_FAILURE);
        }
    });
}

#[test]
fn a_flood_is_not_answered_one_for_one() {
    super::on_a_node("reject-flood", &["veth-a"], |bpffs| {
        let mut kernel = Kernel::new(bpffs, "reject-flood");
        kernel.put_in_force(Action::Reject);
        let [(own, other), _] = ends();
        let frame = Frame::udp((other, 4000), (own, 53));
        let sent = 10_000;
        let answered = (0..sent)
            .filter(|_| kernel.run(Direction::Ingress, &frame) == ANSWERED)
            .count();
        println!("{answered} of {sent} answered");
        assert!((256..sent).contains(&answered), "{answered} of {sent}");
    });
}
