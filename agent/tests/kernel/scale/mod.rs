//! A large node: 65,536 peers with labels of their own, 4,096 selectors in use, classes of a
//! thousand rules and more, thousands of CIDR blocks with exceptions. Each step is timed and
//! printed; what the kernel then says of random packets is compared with the reference.

mod node;

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
use polc_model::{Direction, L4Packet, PortProtocol};
use polc_plan::ClassKey;
use polc_tables::NodeTables;
use polc_testgen::{Case, Probe, Subject};

use crate::probing::Kernel;
use node::{APPS, INTERFACES, LIST, PEERS, list_block, pod_address, rule_block, rules};

const PROBES: usize = 400;

#[test]
fn a_large_node_is_quick_to_fill_and_right() {
    super::on_a_node("scale", &INTERFACES, |bpffs| {
        let mut kernel = Kernel::new(Pins::new(bpffs, "scale"));
        let case = Case::of(0, node::model(), node::inventory());
        fill(&mut kernel, &case);
        let mut allowed = 0;
        timed("compare with the reference", || {
            let mut rng = Rng::with_seed(7);
            for _ in 0..PROBES {
                let probe = probe(&mut rng);
                let expected = polc_equivalence::reference(&case, &probe).unwrap();
                assert_eq!(kernel.judge(&case, &probe), Some(expected), "{probe:?}");
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
            let facts = case.inventory.facts(one, None);
            Direction::BOTH.map(|direction| ClassKey::of(model, direction, &facts))
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
    let source = timed("write", || {
        Source::of_text(
            bundle.encode().unwrap(),
            &serde_yaml::to_string(&case.inventory).unwrap(),
            Path::new("inventory.yaml"),
        )
        .unwrap()
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

/// A packet that has something to do with the policy of a local endpoint, more often than not.
fn probe(rng: &mut Rng) -> Probe {
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
        subject: Subject::Endpoint(endpoint),
        direction: if rng.bool() {
            Direction::Ingress
        } else {
            Direction::Egress
        },
        local: pod_address(endpoint),
        remote: if rng.u8(..5) == 0 { anyone } else { remote },
        l4,
    }
}
