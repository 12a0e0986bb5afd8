//! What Cilium looks up about a new flow.

use polc_abi::key::protocol;
use polc_agent::sys::{create::Kind, map::Map, program::LoadedProgram};
use polc_codegen::insn::Register;

use super::packets::{PACKET, Packets, packet};
use crate::kernel::{Result, code::Width};

/// Cilium's tables: as many entries in each as there are peers, an identity and a port for each.
/// A real policy map has one for each identity and port, and so is larger.
pub(super) struct Theirs {
    addresses: Map<[u8; ADDRESS_KEY], [u8; 16]>,
    policy: Map<[u8; POLICY_KEY], [u8; 16]>,
}

/// Length in bits, cluster, family, address.
const ADDRESS_KEY: usize = 24;
/// Length in bits, identity, direction, protocol, port.
const POLICY_KEY: usize = 12;
/// What stands before the address, in bits.
const ADDRESS_BITS: u32 = 32 + 32;
const POLICY_BITS: u32 = 64;
const FAMILY: u32 = 1 << 24;
/// Ingress, TCP.
const DIRECTION_AND_PROTOCOL: u16 = (protocol::TCP as u16) << 8;

impl Theirs {
    pub(super) fn new(packets: &Packets) -> Result<Self> {
        let identities = 1..;
        let addresses = identities
            .clone()
            .zip(&packets.addresses)
            .map(|(identity, address)| {
                let key = bytes(
                    ADDRESS_BITS
                        .to_le_bytes()
                        .into_iter()
                        .chain(FAMILY.to_le_bytes())
                        .chain(address.octets()),
                );
                (key, value(identity))
            });
        let policy = identities
            .zip(&packets.ports)
            .map(|(identity, port): (u32, _)| {
                let key = bytes(
                    POLICY_BITS
                        .to_le_bytes()
                        .into_iter()
                        .chain(identity.to_le_bytes())
                        .chain(DIRECTION_AND_PROTOCOL.to_le_bytes())
                        .chain(port.to_be_bytes()),
                );
                (key, value(1))
            });
        let of = |name| Map::create(name, Kind::Prefixes, packets.count);
        let theirs = Self {
            addresses: of("bench_ipcache")?,
            policy: Map::create("bench_policy", Kind::Prefixes, packets.count)?,
        };
        theirs.addresses.set_all(&addresses.collect::<Vec<_>>())?;
        theirs.policy.set_all(&policy.collect::<Vec<_>>())?;
        Ok(theirs)
    }

    pub(super) fn driver(&self, packets: &Packets) -> Result<LoadedProgram> {
        const IDENTIFIED: Register = Register::R8;
        let mut code = packets.pick();
        // The address, behind what comes before it.
        code.store_value(Register::R10, -32, ADDRESS_BITS.cast_signed())
            .store_value(Register::R10, -28, FAMILY.cast_signed())
            .load(Width::U32, Register::R1, PACKET, packet::IPV4)
            .store(Width::U32, Register::R10, -24, Register::R1);
        for rest in [-20, -16, -12] {
            code.store_value(Register::R10, rest, 0);
        }
        code.lookup(&self.addresses, -32)
            .give_up_if_null(Register::R0)
            .load(Width::U32, Register::R1, Register::R0, 0)
            .store_value(Register::R10, -16, POLICY_BITS.cast_signed())
            .store(Width::U32, Register::R10, -12, Register::R1)
            .set(Register::R1, DIRECTION_AND_PROTOCOL.into())
            .store(Width::U16, Register::R10, -8, Register::R1)
            .load(Width::U16, Register::R1, PACKET, packet::PORT)
            .store(Width::U16, Register::R10, -6, Register::R1)
            .lookup(&self.policy, -16)
            .copy(IDENTIFIED, Register::R0)
            .store_value(Register::R10, -12, 0)
            .lookup(&self.policy, -16)
            .skip_if_null(Register::R0)
            .copy(IDENTIFIED, Register::R0)
            .give_up_if_null(IDENTIFIED)
            .load(Width::U32, Register::R0, IDENTIFIED, 0)
            .exit();
        code.program("bench_cilium")
    }
}

fn bytes<const N: usize>(from: impl Iterator<Item = u8>) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(from) {
        *to = from;
    }
    bytes
}

fn value(number: u32) -> [u8; 16] {
    bytes(number.to_le_bytes().into_iter())
}
