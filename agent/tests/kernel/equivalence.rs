//! The reference interpreter, and the real datapath with real programs in the kernel, agree on
//! verdict and decider: random packages, random inventories, random packets, through
//! `BPF_PROG_TEST_RUN` of the hooks. Everything is on the way: parsing, anti-spoofing, flows,
//! addresses, prefixes, signatures, the generated program.

use std::{net::IpAddr, path::Path};

use aya::maps::{Map as AyaMap, MapData, RingBuf};
use polc_abi::{
    event::Event,
    flow::{Flow, FlowKey},
    map,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::{DeciderId, DropReason, Verdict as RawVerdict},
};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{event, interface, map::Map, test_run},
};
use polc_bundle::Bundle;
use polc_model::{Action, Decider, Direction, L4Packet, PortProtocol, Verdict};
use polc_testbed::Frame;
use polc_testgen::{Case, Probe};

const INTERFACES: [&str; 3] = ["veth-a", "veth-b", "veth-c"];
/// What a hook returns for a packet that has become an answer.
const TC_ACT_REDIRECT: i32 = 7;
const CASES: u64 = 250;
const PROBES: usize = 10;

#[test]
fn the_kernel_does_what_the_reference_says() {
    super::on_a_node("equivalence", &INTERFACES, compare);
}

fn compare(bpffs: &Path) {
    let mut kernel = Kernel::new(Pins::new(bpffs, "equivalence"));
    let (mut compared, mut rejected) = (0, 0);
    for seed in 0..CASES {
        let mut case = Case::new(seed, &INTERFACES);
        kernel.put_in_force(&case);
        for _ in 0..PROBES {
            let probe = case.probe().unwrap();
            let expected = case.reference(&probe).unwrap();
            let (verdict, decider) = kernel.judge(&case, &probe);
            let wanted = match expected.verdict {
                Verdict::Allow => RawVerdict::Allow,
                Verdict::Deny if rejects(&case, expected.decider) => RawVerdict::Reject,
                Verdict::Deny => RawVerdict::Deny,
            };
            assert_eq!(verdict, wanted, "seed {seed}: {probe:?}");
            rejected += u32::from(wanted == RawVerdict::Reject);
            assert_eq!(
                polc_plan::decider_of(decider),
                Some(expected.decider),
                "seed {seed}: {probe:?}"
            );
            compared += 1;
        }
    }
    println!(
        "{compared} packets in {CASES} packages, {rejected} of them rejected: kernel and reference \
         agree"
    );
    assert!(compared >= 2_000 && rejected >= 50);
}

/// Whether a rule decided that answers.
fn rejects(case: &Case, decider: Decider) -> bool {
    matches!(decider, Decider::Rule(rule)
        if case.model.rule(rule).unwrap().action == Action::Reject)
}

/// The datapath, loaded, and its maps.
struct Kernel {
    dataplane: Dataplane,
    events: RingBuf<MapData>,
    flows: Map<FlowKey, Flow>,
    /// Source ports and identifiers of our own, so that no packet belongs to an earlier flow.
    next_port: u16,
}

impl Kernel {
    fn new(pins: Pins) -> Self {
        let dataplane = Dataplane::open(pins.clone(), Mechanism::probe()).unwrap();
        let events = MapData::from_pin(pins.map(map::EVENTS)).unwrap();
        Self {
            dataplane,
            events: RingBuf::try_from(AyaMap::RingBuf(events)).unwrap(),
            flows: Map::open(&pins.map(map::FLOWS)).unwrap(),
            next_port: 30_000,
        }
    }

    fn put_in_force(&mut self, case: &Case) {
        let bundle = Bundle::compile(case.model.clone(), []).unwrap();
        let source = Source {
            bundle: bundle.encode().unwrap(),
            inventory: serde_yaml::to_string(&case.inventory).unwrap(),
        };
        let candidate = Candidate::new(
            source,
            Path::new("random.polb"),
            Path::new("random.yaml"),
            MissingInterface::Refuse,
        )
        .unwrap();
        if let Err(error) = self.dataplane.apply(&candidate, |_| Ok(())) {
            panic!("seed {}: {error:?}", case.seed);
        }
    }

    /// Runs the hook of the probe's direction on the probe's packet.
    fn judge(&mut self, case: &Case, probe: &Probe) -> (RawVerdict, DeciderId) {
        self.flows.clear().unwrap();
        while self.events.next().is_some() {}
        self.next_port = self.next_port.checked_add(1).unwrap_or(30_000);

        let interface = case.inventory.endpoints.get(probe.endpoint).unwrap();
        let ifindex = interface::index_of(interface.interface.as_ref().unwrap()).unwrap();
        let (hook, source, destination) = match probe.direction {
            Direction::Ingress => ("to_endpoint", probe.remote, probe.local),
            Direction::Egress => ("from_endpoint", probe.local, probe.remote),
        };
        let frame = frame(source, destination, probe.l4, self.next_port);
        let program = self.dataplane.datapath().descriptor(hook).unwrap();
        let answer = test_run::run(&program, frame.bytes(), ifindex).unwrap();

        let event = self
            .events
            .next()
            .map(|bytes| event::decode(&bytes).unwrap());
        let event = event.unwrap_or_else(|| panic!("no event for {probe:?}: {answer:?}"));
        let verdict = verdict_of(&event, probe);
        let expected_result = match verdict {
            RawVerdict::Allow => RETURN_PASS,
            RawVerdict::Deny => RETURN_ON_FAILURE,
            // Whatever the generator makes may be answered.
            RawVerdict::Reject => TC_ACT_REDIRECT,
        };
        assert_eq!(answer.result, expected_result, "{probe:?}");
        assert_eq!(
            self.events.next().map(|_| ()),
            None,
            "one packet, one event"
        );
        (verdict, DeciderId(event.decider))
    }
}

fn verdict_of(event: &Event, probe: &Probe) -> RawVerdict {
    let Some(verdict) = RawVerdict::from_raw(event.verdict.into()) else {
        panic!("an event without a verdict: {event:?}")
    };
    if verdict != RawVerdict::Allow {
        let reason = DropReason::from_raw(event.reason);
        assert_eq!(reason, Some(DropReason::Policy), "{probe:?}");
    }
    verdict
}

fn frame(source: IpAddr, destination: IpAddr, l4: L4Packet, port: u16) -> Frame {
    match l4 {
        L4Packet::Port(PortProtocol::Tcp, to) => {
            const SYN: u8 = 2;
            Frame::tcp((source, port), (destination, to), SYN)
        }
        L4Packet::Port(PortProtocol::Udp, to) => Frame::udp((source, port), (destination, to)),
        L4Packet::Port(PortProtocol::Sctp, to) => {
            let mut header = [port.to_be_bytes(), to.to_be_bytes()].concat();
            header.resize(12, 0);
            Frame::ip(source, destination, PortProtocol::Sctp.number(), &header)
        }
        L4Packet::Icmp(family, kind, code) => {
            let [high, low] = port.to_be_bytes();
            let message = [kind, code, 0, 0, high, low, 0, 1];
            Frame::ip(source, destination, family.number(), &message)
        }
        L4Packet::Protocol(number) => Frame::ip(source, destination, number, &[0; 8]),
    }
}
