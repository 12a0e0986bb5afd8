//! Every reason for a drop happens, is reported and is counted. Whoever adds one adds its packet
//! here, or this does not compile; `xtask/tests/invariants.rs` asks for its row in docs/agent.md.

use std::{
    net::IpAddr,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
};

use aya::maps::MapData;
use polc_abi::{
    event::Counter,
    flow::{Flow, FlowKey},
    map,
    node::{Endpoint, Peer, PrefixKey},
    policy::{self, RETURN_ON_FAILURE},
    verdict::DropReason,
};
use polc_agent::{
    pins::Pins,
    sys::{create::Kind, map::Map, percpu::PerCpuMap},
};
use polc_model::{
    Action,
    Direction::{self, Egress, Ingress},
};
use polc_testbed::Frame;

use crate::hooks::{Hooks, Seen};

#[test]
fn every_reason_happens_is_reported_and_counted() {
    super::on_a_node("reasons", &["veth-a"], |bpffs| {
        for &reason in DropReason::ALL {
            let name = format!("reasons-{}", reason.slug());
            let Some((hooks, seen)) = provoke(reason, bpffs, &name) else {
                continue;
            };
            assert_eq!(seen.result, RETURN_ON_FAILURE, "{reason:?}");
            assert_eq!(seen.reason(), Some(reason));
            let drops: PerCpuMap<u32, Counter> =
                PerCpuMap::open(&hooks.pins.map(map::DROPS)).unwrap();
            let counters = drops.get(&(reason as u32)).unwrap();
            let packets: u64 = counters.iter().map(|counter| counter.packets).sum();
            assert_eq!(packets, 1, "{reason:?}");
        }
    });
}

#[test]
fn without_a_continuation_nothing_passes_and_it_is_said() {
    super::on_a_node("continuations", &["veth-a"], |bpffs| {
        let mut hooks = Hooks::doing(bpffs, "continuations", Action::Allow);
        let continuations: Map<u32, u32> =
            Map::open(&hooks.pins.map(policy::CONTINUATIONS_MAP)).unwrap();
        assert!(continuations.remove(&policy::CONTINUATION_JUDGED).unwrap());
        // Nobody is left to say so, until the next packet of the CPU, which a test cannot choose.
        let said = (0..100).any(|_| {
            let seen = hooks.send(Ingress, &question(4000));
            assert_eq!(seen.result, RETURN_ON_FAILURE);
            let arp = hooks.run("to_endpoint", Frame::new(0x0806, &[0; 28]).bytes());
            assert_eq!(arp.result, policy::RETURN_PASS);
            let port = arp.event.map(|event| event.source_port);
            arp.reason() == Some(DropReason::MissingProgram) && port == Some(4000)
        });
        assert!(said);
        assert!(hooks.new_flows.keys().unwrap().is_empty());

        // What is rejected is dropped, also where nothing can answer it.
        let mut hooks = Hooks::doing(bpffs, "rejections", Action::Reject);
        let continuations: Map<u32, u32> =
            Map::open(&hooks.pins.map(policy::CONTINUATIONS_MAP)).unwrap();
        assert!(continuations.remove(&policy::CONTINUATION_REJECT).unwrap());
        let seen = hooks.send(Ingress, &question(4000));
        assert_eq!(seen.result, RETURN_ON_FAILURE);
        assert_eq!(seen.reason(), Some(DropReason::Policy));
    });
}

/// Makes a packet be dropped for this reason. `None` for what takes real traffic.
fn provoke(reason: DropReason, bpffs: &Path, name: &str) -> Option<(Hooks, Seen)> {
    let allowing = || Hooks::doing(bpffs, name, Action::Allow);
    let (mut hooks, direction, frame): (Hooks, Direction, Frame) = match reason {
        DropReason::Policy => {
            let hooks = Hooks::doing(bpffs, name, Action::Deny);
            (hooks, Ingress, question(4000))
        }
        DropReason::SpoofedSource => {
            let frame = Frame::udp((at("10.0.0.9"), 4000), (outside(), 53));
            (allowing(), Egress, frame)
        }
        DropReason::Malformed => (allowing(), Ingress, question(4000).cut_to(24)),
        DropReason::UnknownEtherType => (allowing(), Ingress, Frame::new(0x88cc, &[0; 46])),
        DropReason::UnknownPeer => {
            let hooks = allowing();
            let side = hooks.dataplane.state().side().unwrap();
            let prefixes: Map<PrefixKey, Peer> =
                Map::open(&hooks.pins.map(map::prefixes(side))).unwrap();
            prefixes.clear().unwrap();
            (hooks, Ingress, question(4000))
        }
        DropReason::UnknownEndpoint => {
            let hooks = allowing();
            endpoints(&hooks).clear().unwrap();
            (hooks, Ingress, question(4000))
        }
        DropReason::MissingProgram => {
            let hooks = allowing();
            let slot = ingress_slot(&hooks);
            assert!(programs(&hooks).remove(&slot).unwrap());
            (hooks, Ingress, question(4000))
        }
        DropReason::NoVerdict => {
            let hooks = allowing();
            // In the policy's place, what comes after it.
            let judged = hooks.dataplane.datapath().descriptor("judged").unwrap();
            let descriptor = judged.as_raw_fd().unsigned_abs();
            programs(&hooks)
                .set(&ingress_slot(&hooks), &descriptor)
                .unwrap();
            (hooks, Ingress, question(4000))
        }
        DropReason::NotReady => (Hooks::new(bpffs, name), Ingress, question(4000)),
        DropReason::NoConnection => {
            const ACK: u8 = 16;
            let frame = Frame::tcp((outside(), 4000), (own(), 80), ACK);
            (allowing(), Ingress, frame)
        }
        DropReason::OrphanFragment => {
            let frame = Frame::ip(outside(), own(), 17, &[0; 64]).with_byte(7, 100);
            (allowing(), Ingress, frame)
        }
        DropReason::UnrelatedError => {
            let mut error = vec![3, 0, 0, 0, 0, 0, 0, 0];
            let never = Frame::udp((own(), 9), (outside(), 9));
            error.extend(never.bytes().iter().skip(14));
            (allowing(), Ingress, Frame::ip(outside(), own(), 1, &error))
        }
        DropReason::FlowTableFull => {
            fill_up(&Pins::new(bpffs, name));
            let mut hooks = allowing();
            assert_eq!(hooks.send(Ingress, &question(4000)).reason(), None);
            (hooks, Ingress, question(4001))
        }
        DropReason::RouterMessage => {
            let advertisement = [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            let frame = Frame::ip(at("fd00::2"), at("ff02::1"), 58, &advertisement);
            (allowing(), Egress, frame.with_byte(7, 255))
        }
        // Between two hooks, which no test run has: `tests/node/swap.rs`.
        DropReason::PolicyChanged => return None,
        // Only where the kernel has no memory for a packet of its own.
        DropReason::Undeliverable => return None,
    };
    let seen = hooks.send(direction, &frame);
    Some((hooks, seen))
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn own() -> IpAddr {
    at("10.0.0.2")
}

fn outside() -> IpAddr {
    at("192.0.2.7")
}

/// A datagram to the endpoint.
fn question(port: u16) -> Frame {
    Frame::udp((outside(), port), (own(), 53))
}

fn endpoints(hooks: &Hooks) -> Map<u32, Endpoint> {
    let side = hooks.dataplane.state().side().unwrap();
    Map::open(&hooks.pins.map(map::endpoints(side))).unwrap()
}

fn ingress_slot(hooks: &Hooks) -> u32 {
    let endpoint = endpoints(hooks).get(&hooks.ifindex).unwrap();
    endpoint.unwrap().ingress_slot
}

fn programs(hooks: &Hooks) -> Map<u32, u32> {
    Map::open(&hooks.pins.map(map::POLICIES)).unwrap()
}

/// Puts a table of one flow, which is no LRU, where the datapath will look for its own: the LRU
/// refuses a flow only when the kernel is in trouble.
fn fill_up(pins: &Pins) {
    pins.create().unwrap();
    let small: Map<FlowKey, Flow> = Map::create(map::NEW_FLOWS, Kind::Hash, 1).unwrap();
    let descriptor = small.as_fd().try_clone_to_owned().unwrap();
    let small = MapData::from_fd(descriptor).unwrap();
    small.pin(pins.map(map::NEW_FLOWS)).unwrap();
}
