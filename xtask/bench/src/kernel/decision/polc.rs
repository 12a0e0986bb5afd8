//! What the datapath does about a new flow.

use std::{net::Ipv4Addr, sync::Arc};

use polc_abi::{node::Peer, policy::offset};
use polc_agent::sys::program::LoadedProgram;
use polc_codegen::{Compiler, Limits, insn::Register};
use polc_inventory::{Endpoint, Inventory};
use polc_model::{Labels, NamedPorts, PolicyId};
use polc_plan::{Strategy, layout::WORD_BITS};
use polc_tables::NodeTables;

use super::{
    addresses::Addresses,
    packets::{CONTEXT, PACKET, Packets, first_port, packet},
};
use crate::kernel::{
    Result,
    class::{Maps, at, rows},
    code::Width,
    model::{Package, class_of, label, node},
};

/// Bits of a peer's number, each a label: as many selectors tell all peers apart.
const NUMBER_BITS: u16 = 16;
/// Words of signatures where the node has programs with many selectors.
const MANY_WORDS: usize = 16;

/// How peers share signatures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// As it falls: the class has few selectors.
    Shared,
    /// Each peer has a signature of its own, of many words.
    Own,
}

/// The datapath's way from a packet's peer to the verdict, with a node's real tables.
pub(super) struct Ours {
    pub(super) packets: Packets,
    maps: Maps,
    addresses: Addresses,
    pub(super) strategy: Strategy,
    /// How many there are, and how long.
    pub(super) signatures: String,
}

impl Ours {
    pub(super) fn new(peers: u32, ports: u16, rules_per_port: u16, share: Rows) -> Result<Self> {
        let (package, policy) = package(ports, rules_per_port, share);
        let inventory = inventory(peers);
        let tables = NodeTables::compute(
            &package.model,
            &polc_plan::plan(&package.model, []).map_err(|_| "the package is not supported")?,
            &inventory,
        )?;
        let remote = inventory
            .endpoints
            .iter()
            .filter(|one| one.interface.is_none());
        let addresses = remote
            .flat_map(|one| &one.addresses)
            .filter_map(|address| match address {
                std::net::IpAddr::V4(address) => Some(*address),
                std::net::IpAddr::V6(_) => None,
            });
        let packets = Packets::new(addresses.collect(), ports)?;

        let key = class_of(policy);
        let class = tables.classes.iter().find(|class| class.key == key);
        let class = class.ok_or("the node has no such class")?;
        let program = Compiler::new(&package.model).compile(class, Limits::default())?;
        let maps = Maps::new()?;
        let rows = rows(&tables.signatures)?;
        maps.put(&program, &rows, &class.layout, &tables.placement)?;
        Ok(Self {
            packets,
            maps,
            addresses: Addresses::new(&tables.addresses)?,
            strategy: class.enforced.strategy(),
            signatures: format!(
                "{} of {} words",
                tables.signatures.count(),
                tables.signatures.words()
            ),
        })
    }

    pub(super) fn driver(&self) -> Result<LoadedProgram> {
        const INPUT: Register = Register::R8;
        let input = |field| at(field);
        let mut code = self.packets.pick();
        code.store_value(Register::R10, -4, 0)
            .lookup(&self.maps.input, -4)
            .give_up_if_null(Register::R0)
            .copy(INPUT, Register::R0);
        self.addresses.find(&mut code, Register::R9);
        code.load(Width::U32, Register::R1, PACKET, packet::L4)
            .store(Width::U32, INPUT, input(offset::L4), Register::R1)
            .store_value(INPUT, input(offset::VERDICT), 0)
            .store_value(INPUT, input(offset::DECIDER), 0)
            .store_value(INPUT, input(offset::AUDIT), 0)
            .load(
                Width::U32,
                Register::R1,
                Register::R0,
                at(std::mem::offset_of!(Peer, row)),
            )
            .store(Width::U32, INPUT, input(offset::ROW), Register::R1)
            .tail_call(CONTEXT, &self.maps.policies, 0);
        code.program("bench_polc")
    }
}

/// The class that is measured, and what else is on the node.
fn package(ports: u16, rules_per_port: u16, share: Rows) -> (Package, PolicyId) {
    let mut package = Package::new();
    let policy = package.policy("measured");
    let numbers: Vec<_> = (0..NUMBER_BITS)
        .map(|bit| package.selector(label(&format!("bit-{bit}"), "1")))
        .collect();
    let apps: Vec<_> = (0..ports.max(rules_per_port))
        .map(|app| package.selector(label("app", &format!("app-{app}"))))
        .collect();
    for port in 0..ports {
        for rule in 0..rules_per_port {
            let peers = apps.iter().cycle().nth((port + rule).into());
            if let Some(&peers) = peers {
                package.allow(peers, [first_port(port)]);
            }
        }
    }
    if share == Rows::Own {
        package.policy("other");
        for peers in numbers {
            package.allow(peers, [1]);
        }
        for selector in 0..(MANY_WORDS - 2) * WORD_BITS {
            let peers = package.selector(label("app", &format!("other-{selector}")));
            package.allow(peers, [1]);
        }
    }
    (package, policy)
}

/// The node, and peers at random addresses. Each differs from the others in its labels.
fn inventory(peers: u32) -> Inventory {
    let mut inventory = node(["measured", "other"].map(str::to_owned));
    // Odd, so that no two numbers become one address.
    const SCATTER: u32 = 0x9e_3779;
    inventory.endpoints.extend((0..peers).map(|number| {
        let address = 10 << 24 | number.wrapping_mul(SCATTER) & 0xff_ffff;
        let bits = (0..NUMBER_BITS).filter(|bit| number >> bit & 1 == 1);
        let mut labels: Labels = bits
            .map(|bit| (format!("bit-{bit}"), "1".to_owned()))
            .collect();
        labels.insert("app".to_owned(), format!("app-{}", number % 64));
        Arc::new(Endpoint {
            name: format!("peer-{number}"),
            namespace: None,
            labels: Arc::new(labels),
            node: None,
            interface: None,
            init: false,
            ports: NamedPorts::new(),
            addresses: vec![Ipv4Addr::from_bits(address).into()],
        })
    }));
    inventory
}
