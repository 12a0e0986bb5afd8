//! Asking the hooks about one packet: the datapath, loaded, and what it says of a probe.

use std::{net::IpAddr, path::Path};

use aya::maps::{Map as AyaMap, MapData, RingBuf};
use polc_abi::{
    event::Event,
    flow::{Flow, FlowKey},
    map,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::{DeciderId, DropReason, Verdict},
};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    dataplane::{Applied, Dataplane},
    pins::Pins,
    state_dir::Source,
    sys::{event, interface, map::Map, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_codegen::Limits;
use polc_equivalence::Said;
use polc_model::{Direction, L4Packet, PortProtocol};
use polc_plan::{Choice, ClassKey};
use polc_testbed::Frame;
use polc_testgen::{Case, Probe};

/// What a hook returns for a packet that has become an answer.
const TC_ACT_REDIRECT: i32 = 7;

/// The datapath, loaded, and its maps.
pub(crate) struct Kernel {
    pub(crate) dataplane: Dataplane,
    events: RingBuf<MapData>,
    flows: [Map<FlowKey, Flow>; 2],
    /// What is in force.
    before: Option<Candidate>,
    /// Source ports and identifiers of our own, so that no packet belongs to an earlier flow.
    next_port: u16,
}

impl Kernel {
    /// Loads the datapath.
    pub(crate) fn new(pins: Pins) -> Self {
        let dataplane = Dataplane::open(pins.clone(), Mechanism::probe()).unwrap();
        let events = MapData::from_pin(pins.map(map::EVENTS)).unwrap();
        Self {
            dataplane,
            events: RingBuf::try_from(AyaMap::RingBuf(events)).unwrap(),
            flows: [map::FLOWS, map::NEW_FLOWS].map(|name| Map::open(&pins.map(name)).unwrap()),
            before: None,
            next_port: 30_000,
        }
    }

    /// Compiles the case's package with the classes of its endpoints, and puts it in force, with what
    /// serves on of the case before.
    pub(crate) fn put_in_force(&mut self, case: &Case, choice: Choice, limits: Limits) -> Applied {
        let endpoints = case.inventory.endpoints.iter();
        let classes = endpoints.flat_map(|endpoint| {
            let facts = case.inventory.facts(endpoint, None);
            Direction::BOTH.map(|direction| ClassKey::of(&case.model, direction, &facts))
        });
        let bundle = Bundle::compile_with(case.model.clone(), classes, choice, limits).unwrap();
        let source = Source::of_text(
            bundle.encode().unwrap(),
            &serde_yaml::to_string(&case.inventory).unwrap(),
            Path::new("inventory.yaml"),
        )
        .unwrap();
        let candidate = Candidate::after(
            self.before.as_ref().filter(|_| self.dataplane.can_go_on()),
            source,
            &Trust::Anyone,
            [Path::new("random.polb"), Path::new("random.yaml")],
            MissingInterface::Refuse,
        )
        .unwrap();
        match self.dataplane.apply(&candidate, |_| Ok(())) {
            Ok(applied) => {
                self.before = Some(candidate);
                applied
            }
            Err(error) => panic!("seed {}: {error:?}", case.seed),
        }
    }

    /// Runs the hook of the probe's direction on the probe's packet.
    pub(crate) fn judge(&mut self, case: &Case, probe: &Probe) -> Said {
        for flows in &self.flows {
            flows.clear().unwrap();
        }
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
            Verdict::Allow => RETURN_PASS,
            Verdict::Deny => RETURN_ON_FAILURE,
            // Whatever the generator makes may be answered.
            Verdict::Reject => TC_ACT_REDIRECT,
        };
        assert_eq!(answer.result, expected_result, "{probe:?}");
        assert_eq!(
            self.events.next().map(|_| ()),
            None,
            "one packet, one event"
        );
        let deciders = polc_plan::Deciders::of(&case.model);
        let who = |id| deciders.decider(DeciderId(id)).unwrap();
        Said {
            verdict,
            decider: who(event.decider),
            audit: (event.audit != 0).then(|| who(event.audit)),
        }
    }
}

fn verdict_of(event: &Event, probe: &Probe) -> Verdict {
    let Some(verdict) = Verdict::from_raw(event.verdict.into()) else {
        panic!("an event without a verdict: {event:?}")
    };
    if verdict != Verdict::Allow {
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
