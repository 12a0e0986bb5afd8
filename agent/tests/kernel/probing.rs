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
use polc_model::{Direction, HostAccess, L4Packet, PortProtocol};
use polc_plan::{Choice, ClassKey};
use polc_testbed::Frame;
use polc_testgen::{Case, Probe, Subject};

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

    /// Runs the hook of the probe's direction on the probe's packet. Where the other end is the node and
    /// its policies are asked in the same hook, what they say is compared with the reference here.
    /// `None` where no hook asks the probe's subject.
    pub(crate) fn judge(&mut self, case: &Case, probe: &Probe) -> Option<Said> {
        if probe.subject == Subject::Node && !self.is_at_an_uplink(case, probe) {
            return None;
        }
        for flows in &self.flows {
            flows.clear().unwrap();
        }
        while self.events.next().is_some() {}
        self.next_port = self.next_port.checked_add(1).unwrap_or(30_000);

        let endpoint = match probe.subject {
            Subject::Endpoint(endpoint) => case.inventory.endpoints.get(endpoint),
            // Its uplink may be any interface.
            Subject::Node => case
                .inventory
                .endpoints
                .iter()
                .find(|one| one.interface.is_some()),
        };
        let interface = endpoint.unwrap().interface.as_ref().unwrap();
        let ifindex = interface::index_of(interface).unwrap();
        let hook = match (probe.subject, probe.direction) {
            (Subject::Endpoint(_), Direction::Ingress) => "to_endpoint",
            (Subject::Endpoint(_), Direction::Egress) => "from_endpoint",
            (Subject::Node, Direction::Ingress) => "from_uplink",
            (Subject::Node, Direction::Egress) => "to_uplink",
        };
        let (source, destination) = match probe.direction {
            Direction::Ingress => (probe.remote, probe.local),
            Direction::Egress => (probe.local, probe.remote),
        };
        let frame = frame(source, destination, probe.l4, self.next_port);
        let program = self.dataplane.datapath().descriptor(hook).unwrap();
        let answer = test_run::run(&program, frame.bytes(), ifindex).unwrap();

        let said = self.said(case, probe);
        let said = said.unwrap_or_else(|| panic!("no event for {probe:?}: {answer:?}"));
        let mut verdict = said.verdict;
        if verdict == Verdict::Allow
            && let Some(at_node) = self.also_asked(case, probe)
        {
            let expected = polc_equivalence::reference(case, &at_node);
            let said = self.said(case, &at_node);
            assert_eq!(said, expected, "seed {}: {at_node:?}", case.seed);
            verdict = said.map_or(verdict, |said| said.verdict);
        }
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
            "one packet, one event of each who is asked"
        );
        Some(said)
    }

    /// What the next event says.
    fn said(&mut self, case: &Case, probe: &Probe) -> Option<Said> {
        let event = event::decode(&self.events.next()?).unwrap();
        let deciders = polc_plan::Deciders::of(&case.model);
        let who = |id| deciders.decider(DeciderId(id)).unwrap();
        Some(Said {
            verdict: verdict_of(&event, probe),
            decider: who(event.decider),
            audit: (event.audit != 0).then(|| who(event.audit)),
        })
    }

    /// Whether the node's own policies are asked about the probe at an uplink: there are some, and the
    /// other end is no endpoint of the node's.
    fn is_at_an_uplink(&self, case: &Case, probe: &Probe) -> bool {
        let mut endpoints = case.inventory.endpoints.iter();
        let is_local =
            endpoints.any(|one| one.interface.is_some() && one.addresses.contains(&probe.remote));
        let is_itself = case.inventory.node.addresses.contains(&probe.remote);
        self.has_node() && !is_local && !is_itself
    }

    /// The probe as the node sees it, where its own policies are asked after the endpoint's.
    fn also_asked(&self, case: &Case, probe: &Probe) -> Option<Probe> {
        let is_of_node = case.inventory.node.addresses.contains(&probe.remote);
        let is_free =
            probe.direction == Direction::Ingress && case.model.host_access == HostAccess::Allowed;
        if probe.subject == Subject::Node || !is_of_node || is_free || !self.has_node() {
            return None;
        }
        Some(Probe {
            subject: Subject::Node,
            direction: match probe.direction {
                Direction::Ingress => Direction::Egress,
                Direction::Egress => Direction::Ingress,
            },
            local: probe.remote,
            remote: probe.local,
            l4: probe.l4,
        })
    }

    fn has_node(&self) -> bool {
        let before = self.before.as_ref();
        before.is_some_and(|candidate| candidate.tables.node.is_some())
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
