//! The datapath's lookup of an address, in its real table.

use std::mem::offset_of;

use polc_abi::{
    address::{Entry, MULTIPLIERS},
    key::Address,
    map::MAX_ADDRESSES,
    node::{Peer, Side, peer_flag},
};
use polc_agent::{
    dataplane::addresses::AddressTable,
    sys::{
        create::{self, Kind},
        map::Map,
    },
};
use polc_codegen::insn::Register;

use crate::kernel::{
    Result,
    class::at,
    code::{Code, Width},
};

/// Where the address is on the stack.
const ADDRESS: [i16; 2] = [-32, -24];
/// Keys that the lookups need.
const SIDE: i16 = -8;
const BUCKETS: [i16; 2] = [-12, -16];
const ENTRY: i16 = size_of::<Entry>() as i16;

/// Both sides' tables, of which one is filled.
pub(super) struct Addresses {
    tables: Map<u32, u32>,
    masks: Map<u32, u32>,
    _table: AddressTable,
}

impl Addresses {
    pub(super) fn new(addresses: &[(Address, Peer)]) -> Result<Self> {
        assert!(
            addresses.len() <= MAX_ADDRESSES as usize,
            "a node has no more"
        );
        let open = || -> Result<_> { Ok(create::address_tables("bench_addresses")?) };
        let tables = open()?;
        let masks = Map::create("bench_masks", Kind::Array, 2)?;
        let mut table = AddressTable::new(Side::Zero, tables.try_clone()?, masks.try_clone()?);
        table.hold(addresses)?;
        Ok(Self {
            tables,
            masks,
            _table: table,
        })
    }

    /// `r0` becomes the address of what is known of the address on the stack; a program that finds
    /// nothing ends. Changes `r1` to `r5` and `scratch`.
    pub(super) fn find(&self, code: &mut Code, scratch: Register) {
        use Register::{R0, R1, R2, R3};
        code.load(Width::U64, R1, Register::R10, ADDRESS[0])
            .swap_bytes(R1)
            .load(Width::U64, R2, Register::R10, ADDRESS[1])
            .swap_bytes(R2);
        for (multiplier, fold) in MULTIPLIERS.into_iter().zip([32, 33, 33]) {
            code.set_wide(R3, multiplier)
                .multiply(R1, R3)
                .copy(R3, R1)
                .shift_right(R3, fold)
                .exclusive_or(R1, R3);
            if multiplier == MULTIPLIERS[0] {
                code.exclusive_or(R1, R2);
            }
        }
        code.copy(scratch, R1)
            .store_value(Register::R10, SIDE, 0)
            .lookup(&self.masks, SIDE)
            .give_up_if_null(R0)
            .load(Width::U32, R1, R0, 0)
            .copy(R2, scratch)
            .and(R2, R1)
            .store(Width::U32, Register::R10, BUCKETS[0], R2)
            .shift_right(scratch, 32)
            .and(scratch, R1)
            .store(Width::U32, Register::R10, BUCKETS[1], scratch)
            .lookup(&self.tables, SIDE)
            .give_up_if_null(R0)
            .copy(scratch, R0);
        let second = self.in_bucket(scratch, BUCKETS[1], &None);
        let first = self.in_bucket(scratch, BUCKETS[0], &Some(second));
        code.append(&first);
        code.load(
            Width::U32,
            R1,
            R0,
            at(offset_of!(Entry, peer) + offset_of!(Peer, flags)),
        )
        .set(R2, peer_flag::IN_USE.cast_signed())
        .and(R1, R2)
        .give_up_if_null(R1)
        .add(
            R0,
            i32::try_from(offset_of!(Entry, peer)).unwrap_or_default(),
        );
    }

    /// Looks into one bucket: behind this `r0` is the entry. `otherwise` is what to do when it is not
    /// there; without it the program ends.
    fn in_bucket(&self, table: Register, bucket: i16, otherwise: &Option<Code>) -> Code {
        use Register::{R0, R1, R2, R3, R4, R10};
        let mut code = Code::default();
        code.lookup_in(table, bucket)
            .give_up_if_null(R0)
            .load(Width::U64, R1, R10, ADDRESS[0])
            .load(Width::U64, R2, R10, ADDRESS[1]);
        let mut give_up = Code::default();
        give_up.set(R0, 0).exit();
        let rest = otherwise.as_ref().unwrap_or(&give_up);
        // From the last entry on backwards: what is found skips all that comes behind.
        let differs = |entry: i16| {
            let mut code = Code::default();
            code.load(Width::U64, R3, R0, entry)
                .exclusive_or(R3, R1)
                .load(Width::U64, R4, R0, entry + 8)
                .exclusive_or(R4, R2)
                .or(R3, R4);
            code
        };
        let mut second = differs(ENTRY);
        second.add(R0, ENTRY.into()).skip_if_null_over(R3, rest);
        let mut first = differs(0);
        first.skip_if_null_over(R3, &second);
        code.append(&first);
        code
    }
}
