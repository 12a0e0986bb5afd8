//! Random packets, and the driver that picks one.

use std::net::Ipv4Addr;

use fastrand::Rng;
use polc_abi::key::{ipv4, protocol};
use polc_agent::sys::{create::Kind, map::Map, program::LoadedProgram};
use polc_codegen::insn::Register;

use crate::kernel::{
    Result,
    code::{Code, Width},
};

/// Random packets, prepared: a peer and a port each. The driver picks one at random.
pub(super) struct Packets {
    pub(super) count: u32,
    map: Map<u32, [u8; packet::BYTES]>,
    pub(super) addresses: Vec<Ipv4Addr>,
    pub(super) ports: Vec<u16>,
}

/// A prepared packet.
pub(super) mod packet {
    pub(in crate::kernel::decision) const BYTES: usize = 32;
    pub(in crate::kernel::decision) const ADDRESS: i16 = 0;
    pub(in crate::kernel::decision) const ADDRESS_END: i16 = 8;
    pub(in crate::kernel::decision) const L4: i16 = 16;
    pub(in crate::kernel::decision) const IPV4: i16 = 20;
    pub(in crate::kernel::decision) const PORT: i16 = 24;
}

pub(super) const CONTEXT: Register = Register::R6;
pub(super) const PACKET: Register = Register::R7;

impl Packets {
    /// As many packets as peers, each to one of the ports or the gap behind it.
    pub(super) fn new(addresses: Vec<Ipv4Addr>, ports: u16) -> Result<Self> {
        let mut rng = Rng::with_seed(1);
        let count = u32::try_from(addresses.len())?;
        let ports: Vec<u16> = addresses
            .iter()
            .map(|_| first_port(0) + rng.u16(..2 * ports))
            .collect();
        let values = addresses.iter().zip(&ports).map(|(address, port)| {
            let l4 = u32::from(protocol::TCP) << 16 | u32::from(*port);
            let mut value = [0; packet::BYTES];
            let fields = ipv4(address.octets())
                .into_iter()
                .chain(l4.to_le_bytes())
                .chain(address.octets())
                .chain(port.to_be_bytes());
            for (to, from) in value.iter_mut().zip(fields) {
                *to = from;
            }
            value
        });
        let entries: Vec<(u32, [u8; packet::BYTES])> = (0..).zip(values).collect();
        let map = Map::create("bench_packets", Kind::Array, count)?;
        map.set_all(&entries)?;
        Ok(Self {
            count,
            map,
            addresses,
            ports,
        })
    }

    /// Picks a packet, and puts its address on the stack, as what follows needs it.
    pub(super) fn pick(&self) -> Code {
        let mut code = Code::default();
        code.copy(CONTEXT, Register::R1)
            .random_below(self.count)
            .store(Width::U32, Register::R10, -4, Register::R0)
            .lookup(&self.map, -4)
            .give_up_if_null(Register::R0)
            .copy(PACKET, Register::R0)
            .load(Width::U64, Register::R1, PACKET, packet::ADDRESS)
            .store(Width::U64, Register::R10, -32, Register::R1)
            .load(Width::U64, Register::R1, PACKET, packet::ADDRESS_END)
            .store(Width::U64, Register::R10, -24, Register::R1);
        code
    }

    /// What every driver does, and nothing else.
    pub(super) fn driver(&self) -> Result<LoadedProgram> {
        let mut code = self.pick();
        code.set(Register::R0, 1).exit();
        code.program("bench_driver")
    }
}

/// One port of several: the next is two above.
pub(super) const fn first_port(number: u16) -> u16 {
    1_000 + 2 * number
}
