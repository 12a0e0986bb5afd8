//! What generated programs look up about peers: signatures and names of ports.
//!
//! Both sides are in the same two maps, so that a program serves either. The maps are as large as they
//! need to be and a little larger. When a side no longer fits, new ones are made, and programs are
//! loaded again.

use std::os::fd::{AsFd as _, BorrowedFd};

use polc_abi::{
    map::MAX_NAMED_PORTS,
    node::Side,
    policy::{MAX_SIGNATURE_BYTES, PORT_NAMES_MAP, PortNamesKey, SIGNATURES_MAP},
};
use polc_tables::{NodeTables, Signatures};

use crate::{
    Error,
    dataplane::held::Held,
    sys::{
        create::{Kind, WordRows},
        map::Map,
    },
};

/// The least rows of a side, so that the first peers to come do not need new maps.
const LEAST_ROWS: usize = 64;
/// Signatures grow by this many words at a time: a line of the cache.
const WORDS_AT_A_TIME: usize = 8;

/// The maps of both sides.
pub(super) struct Facts {
    signatures: WordRows,
    port_names: Map<PortNamesKey, u64>,
    /// Rows of a side.
    rows: usize,
    /// Words of a row.
    words: usize,
    rows_held: [Option<Signatures>; 2],
    names_held: [Held<PortNamesKey, u64>; 2],
}

impl Facts {
    /// Makes maps with room for these tables and a few more.
    pub(super) fn new(tables: &NodeTables) -> Result<Self, Error> {
        let rows = (tables.signatures.count() * 2).max(LEAST_ROWS);
        let words = (tables.signatures.words() + 1).next_multiple_of(WORDS_AT_A_TIME);
        let words = words.min(MAX_SIGNATURE_BYTES / size_of::<u64>());
        Ok(Self {
            signatures: WordRows::with_room(SIGNATURES_MAP, words, 2 * rows)
                .map_err(Error::kernel("making the signatures"))?,
            port_names: Map::create(PORT_NAMES_MAP, Kind::Hash, 2 * MAX_NAMED_PORTS)
                .map_err(Error::kernel("making the names of ports"))?,
            rows,
            words,
            rows_held: [None, None],
            names_held: [Held::nothing(), Held::nothing()],
        })
    }

    /// Whether a side with these tables fits.
    pub(super) fn hold(&self, tables: &NodeTables) -> bool {
        tables.signatures.count() <= self.rows && tables.signatures.words() <= self.words
    }

    /// The row that a peer of a side names.
    pub(super) const fn first_row(&self, side: Side) -> u32 {
        self.rows as u32 * side as u32
    }

    pub(super) fn signatures(&self) -> BorrowedFd<'_> {
        self.signatures.as_fd()
    }

    pub(super) fn port_names(&self) -> BorrowedFd<'_> {
        self.port_names.as_fd()
    }

    /// Writes a side that is not in force. After an error nothing may use these maps any more.
    pub(super) fn fill(&mut self, side: Side, tables: &NodeTables) -> Result<(), Error> {
        if let Some(held) = self.rows_held.get_mut(side as usize)
            && held.as_ref() != Some(&tables.signatures)
        {
            let rows = 0..u32::try_from(tables.signatures.count()).unwrap_or(u32::MAX);
            let mut bits = Vec::with_capacity(rows.len() * self.words);
            for row in rows.filter_map(|row| tables.signatures.row(row)) {
                bits.extend(row);
                bits.resize(bits.len().next_multiple_of(self.words), 0);
            }
            let first = self.rows as u32 * side as u32;
            self.signatures
                .set(first, &bits)
                .map_err(Error::kernel("writing the signatures"))?;
            *held = Some(tables.signatures.clone());
        }
        let names = tables.port_names.iter().map(|(key, names)| {
            let receiver = side.receiver(key.receiver);
            (PortNamesKey { receiver, ..*key }, names.0)
        });
        match self.names_held.get_mut(side as usize) {
            Some(held) => held
                .become_these(&mut self.port_names, names.collect())
                .map_err(Error::kernel("writing the names of ports")),
            None => Ok(()),
        }
    }
}
