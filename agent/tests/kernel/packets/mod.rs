//! Damaged frames through the hooks: for each, verdict, reason and what is reported are what a plain
//! parser in user space says. The first frame that is not is shrunk and shown.

#![expect(
    clippy::indexing_slicing,
    reason = "a test: a panic is its way to fail"
)]

mod expect;
pub(crate) mod generate;
mod plain;
mod wire;

use std::time::Instant;

use expect::{Fate, Memory, Tuple};
use fastrand::Rng;
use generate::Hook;
use polc_abi::{
    event::Event,
    map,
    policy::{RETURN_ON_FAILURE, RETURN_PASS},
    verdict::{DropReason, Verdict},
};
use polc_agent::sys::map::Map;
use polc_model::{
    Action,
    Direction::{Egress, Ingress},
};
use polc_testbed::Frame;

use crate::hooks::{Hooks, Seen};

/// The endpoint's addresses, and those of somebody outside it has flows with.
const OWN: [&str; 2] = ["10.0.0.2", "fd00::2"];
const PEERS: [&str; 2] = ["192.0.2.7", "2001:db8::7"];

/// Frames between two clean starts.
const BATCH: u64 = 500;
/// Frames of the normal test; `POLC_PACKETS` says another number, `POLC_PACKETS_SEED` where to begin.
const FRAMES: u64 = 50_000;

#[test]
fn the_hooks_and_a_plain_parser_agree_on_damaged_frames() {
    super::on_a_node("packets", &["veth-a"], |bpffs| {
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let frames = number("POLC_PACKETS").unwrap_or(FRAMES);
        let first = number("POLC_PACKETS_SEED").unwrap_or(1);
        let mut bench = Bench::new(Hooks::doing(bpffs, "packets", Action::Allow));
        let started = Instant::now();
        for seed in first..first + frames.div_ceil(BATCH) {
            bench.batch(seed);
        }
        println!(
            "{frames} frames from seed {first} in {:?}",
            started.elapsed()
        );
        println!("{:#?}", bench.fates);
        for what in PASSING
            .into_iter()
            .chain(POSSIBLE.iter().map(|reason| reason.slug()))
        {
            let count = bench.fates.get(what).copied().unwrap_or_default();
            assert!(count >= frames / 2_000, "{what}: only {count}");
        }
    });
}

/// Why a frame passes.
const PASSING: [&str; 6] = [
    "ARP",
    "a known flow",
    "a related error",
    "begins a flow",
    "link control",
    "the uplink",
];

/// Reasons that a single frame can have here.
const POSSIBLE: [DropReason; 7] = [
    DropReason::SpoofedSource,
    DropReason::Malformed,
    DropReason::UnknownEtherType,
    DropReason::NoConnection,
    DropReason::OrphanFragment,
    DropReason::UnrelatedError,
    DropReason::RouterMessage,
];

struct Bench {
    hooks: Hooks,
    fragments: Map<[u8; 44], [u8; 16]>,
    memory: Memory,
    fates: std::collections::BTreeMap<&'static str, u64>,
}

impl Bench {
    fn new(hooks: Hooks) -> Self {
        Self {
            fragments: Map::open(&hooks.pins.map(map::FRAGMENTS)).unwrap(),
            memory: Memory::default(),
            fates: Default::default(),
            hooks,
        }
    }

    /// Compares the frames of a seed.
    fn batch(&mut self, seed: u64) {
        self.begin();
        let mut random = Rng::with_seed(seed);
        for number in 0..BATCH {
            let (hook, frame) = generate::frame(&mut random);
            let found = self.compare(hook, &frame);
            let Err(disagreement) = found else {
                continue;
            };
            let shrunk = self.shrink(hook, &frame);
            panic!(
                "seed {seed}, frame {number}, {hook:?}: {disagreement}\n{}\nshrunk: {}",
                hex(&frame),
                shrunk.unwrap_or_else(|| "only after the frames before it".to_owned()),
            );
        }
    }

    /// Forgets everything, but for a few flows of both families that live through the batch.
    fn begin(&mut self) {
        const SYN: u8 = 2;
        const ACK: u8 = 16;
        self.fragments.clear().unwrap();
        self.hooks.flows.clear().unwrap();
        self.hooks.new_flows.clear().unwrap();
        for (own, peer) in OWN.into_iter().zip(PEERS) {
            let (own, peer) = ((own.parse().unwrap(), 80), (peer.parse().unwrap(), 4000));
            let (icmp, echo) = match peer.0 {
                std::net::IpAddr::V4(_) => (1, 8),
                std::net::IpAddr::V6(_) => (58, 128),
            };
            let asks = [echo, 0, 0, 0, 0, 7, 0, 1];
            for (direction, frame) in [
                (Ingress, Frame::segment(peer, own, SYN, [1, 0], &[])),
                (Egress, Frame::segment(own, peer, SYN | ACK, [1, 2], &[])),
                (Ingress, Frame::segment(peer, own, ACK, [2, 2], &[])),
                (Ingress, Frame::udp(peer, own)),
                (Egress, Frame::udp(own, peer)),
                (Egress, Frame::ip(own.0, peer.0, icmp, &asks)),
            ] {
                assert_eq!(self.hooks.send(direction, &frame).result, RETURN_PASS);
            }
        }
        let keys = [&self.hooks.flows, &self.hooks.new_flows].map(|map| map.keys().unwrap());
        self.memory = Memory {
            flows: keys.into_iter().flatten().collect(),
            fragments: Default::default(),
            ifindex: self.hooks.ifindex,
        };
        assert_eq!(self.memory.flows.len(), 6);
    }

    fn compare(&mut self, hook: Hook, frame: &[u8]) -> Result<(), String> {
        let expected = self.memory.expect(hook, frame);
        let seen = self.hooks.run(hook.program(), frame);
        let fate = match &expected {
            Fate::Passes(why) => why,
            Fate::Begins(..) => "begins a flow",
            Fate::Dropped(reason, _) => reason.slug(),
        };
        *self.fates.entry(fate).or_default() += 1;
        if agree(&expected, &seen) && self.forget(&expected) {
            Ok(())
        } else {
            Err(format!("expected {expected:?}, the hook says {seen:?}"))
        }
    }

    /// Ends the flow that a frame began. Whether it was there.
    fn forget(&mut self, fate: &Fate) -> bool {
        let Fate::Begins(_, key) = fate else {
            return true;
        };
        // A reset with numbers that fit may have closed the connection that lived there before, so
        // that this one took its place.
        if self.hooks.flows.get(key).unwrap().is_none() {
            self.memory.flows.remove(key);
        }
        self.hooks.new_flows.remove(key).unwrap()
    }

    /// The smallest frame found about which there is disagreement, on its own.
    fn shrink(&mut self, hook: Hook, frame: &[u8]) -> Option<String> {
        let mut disagrees = |frame: &[u8]| {
            self.begin();
            generate::is_runnable(frame) && self.compare(hook, frame).is_err()
        };
        if !disagrees(frame) {
            return None;
        }
        let mut smallest = frame.to_vec();
        loop {
            let shorter = (1..smallest.len()).map(|cut| smallest[..smallest.len() - cut].to_vec());
            let zeroed = (0..smallest.len())
                .filter(|at| smallest[*at] != 0)
                .map(|at| {
                    let mut zeroed = smallest.clone();
                    zeroed[at] = 0;
                    zeroed
                });
            match shorter.chain(zeroed).find(|frame| disagrees(frame)) {
                Some(smaller) => smallest = smaller,
                None => break,
            }
        }
        let expected = self.memory.expect(hook, &smallest);
        let seen = self.hooks.run(hook.program(), &smallest);
        Some(format!(
            "{}\nexpected {expected:?}, the hook says {seen:?}",
            hex(&smallest)
        ))
    }
}

fn agree(expected: &Fate, seen: &Seen) -> bool {
    let result = match expected {
        Fate::Passes(_) | Fate::Begins(..) => RETURN_PASS,
        Fate::Dropped(..) => RETURN_ON_FAILURE,
    };
    seen.result == result && agree_on(expected, seen.event)
}

/// Whether what was reported is what was to be.
fn agree_on(expected: &Fate, event: Option<Event>) -> bool {
    let told = event.map(|event| {
        let tuple = Tuple {
            source: event.source,
            destination: event.destination,
            l4: event.l4,
            ports: [event.source_port, event.destination_port],
        };
        let verdict = Verdict::from_raw(event.verdict.into());
        (verdict, DropReason::from_raw(event.reason), tuple)
    });
    match (expected, told) {
        (Fate::Passes(_), None) => true,
        (Fate::Begins(tuple, _), Some((Some(Verdict::Allow), None, told))) => *tuple == told,
        (Fate::Dropped(reason, tuple), Some((Some(Verdict::Deny), Some(why), told))) => {
            *reason == why && tuple.is_none_or(|tuple| tuple == told)
        }
        _ => false,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
