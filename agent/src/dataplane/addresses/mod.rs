//! A side's table of exact addresses, which the agent makes as large as it needs and writes as
//! memory: see [`polc_abi::address`].

mod cuckoo;

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use polc_abi::{
    address::{BUCKET_ENTRIES, Bucket},
    key::Address,
    map,
    node::{Peer, Side},
};

use crate::sys::{map::Map, shared_array::SharedArray};

use super::held::Table;
use cuckoo::{Buckets, NoRoom};

/// Buckets of the smallest table.
const FEWEST: u32 = 16;
/// A table with so many times more buckets than it needs is made anew, smaller.
const WASTEFUL: u32 = 8;
/// How often a table that has no room for an address is made anew with twice as many buckets.
const DOUBLINGS: u32 = 4;

/// The addresses of one side.
pub struct AddressTable {
    side: Side,
    /// The tables of both sides, as the datapath finds them.
    tables: Map<u32, u32>,
    masks: Map<u32, u32>,
    /// The side's, where this agent made it. One that another made cannot be opened without more
    /// privileges, and is replaced.
    table: Option<SharedArray<Bucket>>,
}

impl AddressTable {
    /// The addresses of a side, in the maps that the datapath reads.
    #[must_use]
    pub const fn new(side: Side, tables: Map<u32, u32>, masks: Map<u32, u32>) -> Self {
        Self {
            side,
            tables,
            masks,
            table: None,
        }
    }

    /// Makes the table hold these addresses and no others.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn hold(&mut self, addresses: &[(Address, Peer)]) -> io::Result<()> {
        self.rebuild(addresses, needed(addresses.len()))
    }

    /// Makes the table anew.
    fn rebuild(&mut self, wanted: &[(Address, Peer)], mut buckets: u32) -> io::Result<()> {
        for _ in 0..=DOUBLINGS {
            let mut table = SharedArray::new("address_table", buckets, map::ADDRESS_TABLE_FLAGS)?;
            if put_all(&mut table, wanted).is_ok() {
                return self.use_table(table);
            }
            buckets = buckets.saturating_mul(2);
        }
        let fault = format!(
            "{} addresses have no room in {buckets} buckets",
            wanted.len()
        );
        Err(io::Error::other(fault))
    }

    /// Not while packets use the side: they would look for an address by the other mask.
    fn use_table(&mut self, table: SharedArray<Bucket>) -> io::Result<()> {
        let side = self.side as u32;
        let fd = table.as_fd().as_raw_fd().unsigned_abs();
        self.tables.set(&side, &fd)?;
        self.masks.set(&side, &table.mask())?;
        self.table = Some(table);
        Ok(())
    }
}

impl Table<Address, Peer> for AddressTable {
    fn clear(&mut self) -> io::Result<()> {
        self.table = None;
        Ok(())
    }

    fn change(
        &mut self,
        gone: &[Address],
        changed: &[(Address, Peer)],
        wanted: &[(Address, Peer)],
    ) -> io::Result<()> {
        let needed = needed(wanted.len());
        let Some(table) = &mut self.table else {
            return self.rebuild(wanted, needed);
        };
        let buckets = table.len();
        if buckets < needed || buckets / WASTEFUL > needed {
            return self.rebuild(wanted, needed);
        }
        for address in gone {
            cuckoo::remove(table, address);
        }
        match put_all(table, changed) {
            Ok(()) => Ok(()),
            Err(NoRoom) => self.rebuild(wanted, buckets.saturating_mul(2)),
        }
    }
}

/// Buckets for so many addresses, at most three quarters full.
fn needed(addresses: usize) -> u32 {
    let buckets = addresses.saturating_mul(4).div_ceil(3 * BUCKET_ENTRIES);
    let buckets = u32::try_from(buckets).unwrap_or(1 << 31);
    buckets.clamp(FEWEST, 1 << 31).next_power_of_two()
}

fn put_all(table: &mut impl Buckets, entries: &[(Address, Peer)]) -> Result<(), NoRoom> {
    entries
        .iter()
        .try_for_each(|(address, peer)| cuckoo::put(table, *address, *peer))
}

impl Buckets for SharedArray<Bucket> {
    fn mask(&self) -> u32 {
        self.len().saturating_sub(1)
    }

    fn get(&self, index: u32) -> Bucket {
        Self::get(self, index).unwrap_or_default()
    }

    fn set(&mut self, index: u32, bucket: Bucket) {
        Self::set(self, index, bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_at_most_three_quarters_full() {
        let sizes = [
            (0, 16),
            (24, 16),
            (25, 32),
            (16_384, 16_384),
            (65_536, 65_536),
        ];
        for (addresses, buckets) in sizes {
            assert_eq!(needed(addresses), buckets, "{addresses}");
        }
    }
}
