//! The datapath in the kernel, its maps, and one packet at a time through its hooks.

use std::path::Path;

use aya::maps::{Map as AyaMap, MapData, RingBuf};
use polc_abi::{
    event::Event,
    flow::{Flow, FlowKey},
    map,
    verdict::DropReason,
};
use polc_agent::{
    attach::Mechanism,
    candidate::{Candidate, MissingInterface},
    datapath::FlowCapacity,
    dataplane::Dataplane,
    pins::Pins,
    state_dir::Source,
    sys::{event, interface, map::Map, test_run},
    trust::Trust,
};
use polc_bundle::Bundle;
use polc_model::{Action, Direction};
use polc_testbed::Frame;

/// The endpoint's interface in every inventory here.
pub(crate) const LINK: &str = "veth-a";

pub(crate) struct Hooks {
    pub(crate) dataplane: Dataplane,
    pub(crate) pins: Pins,
    events: RingBuf<MapData>,
    pub(crate) flows: Map<FlowKey, Flow>,
    pub(crate) new_flows: Map<FlowKey, Flow>,
    pub(crate) ifindex: u32,
}

/// What came of a packet.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What the hook returned.
    pub(crate) result: i32,
    /// What it told the agent.
    pub(crate) event: Option<Event>,
}

impl Seen {
    /// Why the packet was dropped, if it was.
    pub(crate) fn reason(&self) -> Option<DropReason> {
        DropReason::from_raw(self.event?.reason)
    }
}

impl Hooks {
    /// Loads the datapath; nothing is in force.
    pub(crate) fn new(bpffs: &Path, name: &str) -> Self {
        let pins = Pins::new(bpffs, name);
        let few = FlowCapacity::new(*map::FLOWS_RANGE.start()).unwrap();
        let dataplane = Dataplane::open_for(pins.clone(), Mechanism::probe(), few).unwrap();
        let events = MapData::from_pin(pins.map(map::EVENTS)).unwrap();
        Self {
            dataplane,
            events: RingBuf::try_from(AyaMap::RingBuf(events)).unwrap(),
            flows: Map::open(&pins.map(map::FLOWS)).unwrap(),
            new_flows: Map::open(&pins.map(map::NEW_FLOWS)).unwrap(),
            ifindex: interface::index_of(LINK).unwrap(),
            pins,
        }
    }

    /// As [`Self::new`], and everything is allowed, or denied, or rejected.
    pub(crate) fn doing(bpffs: &Path, name: &str, action: Action) -> Self {
        let mut hooks = Self::new(bpffs, name);
        hooks.put_in_force(action);
        hooks
    }

    pub(crate) fn put_in_force(&mut self, action: Action) {
        let bundle = Bundle::compile(super::reject::model(action), []).unwrap();
        let source = Source::of_text(
            bundle.encode().unwrap(),
            super::reject::INVENTORY,
            Path::new("inventory.yaml"),
        )
        .unwrap();
        let (bundle, inventory) = (Path::new("a.polb"), Path::new("a.yaml"));
        let missing = MissingInterface::Refuse;
        let candidate = Candidate::new(source, &Trust::Anyone, bundle, inventory, missing);
        self.dataplane
            .apply(&candidate.unwrap(), |_| Ok(()))
            .unwrap();
    }

    /// The next report that nobody has read.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.next().and_then(|item| event::decode(&item))
    }

    /// Runs a hook's program on a frame.
    pub(crate) fn run(&mut self, hook: &str, frame: &[u8]) -> Seen {
        while self.next_event().is_some() {}
        let program = self.dataplane.datapath().descriptor(hook).unwrap();
        let answer = test_run::run(&program, frame, self.ifindex)
            .unwrap_or_else(|error| panic!("{hook} of {frame:02x?}: {error}"));
        Seen {
            result: answer.result,
            event: self.next_event(),
        }
    }

    /// Sends a frame to the endpoint, or lets it send one.
    pub(crate) fn send(&mut self, direction: Direction, frame: &Frame) -> Seen {
        let hook = match direction {
            Direction::Ingress => "to_endpoint",
            Direction::Egress => "from_endpoint",
        };
        self.run(hook, frame.bytes())
    }
}
