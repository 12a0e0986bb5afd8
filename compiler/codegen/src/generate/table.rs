//! What a program's lookups read, and finding the interval by such a lookup.

use std::collections::BTreeMap;

use polc_plan::Interval;

use super::{Cause, Generator, L4};
use crate::{asm::Width, insn::Register, program::Target};

/// The most that a table may hold: the largest value of an array on every kernel.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// Where [`Generator::interval_table`] leaves the number of the leaf.
pub(super) const LEAF: Register = Register::R2;
const INDEX: Register = Register::R3;
const POINTER: Register = Register::R4;

/// The bytes of a class's table.
#[derive(Default)]
pub(super) struct Table {
    bytes: Vec<u8>,
}

impl Table {
    /// Appends bytes at a multiple of eight. Where they begin.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Target {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(bytes);
        Target::Table(offset)
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Pages of 256 entries. Equal pages are kept once.
#[derive(Default)]
struct Pages {
    ids: BTreeMap<Page, u16>,
    entries: Vec<u16>,
}

/// Most pages hold one entry throughout, which is quicker to compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Page {
    All(u16),
    Each(Vec<u16>),
}

impl Page {
    fn of(entries: Vec<u16>) -> Self {
        match entries.first() {
            Some(&first) if entries.iter().all(|entry| *entry == first) => Self::All(first),
            _ => Self::Each(entries),
        }
    }
}

impl Pages {
    fn add(&mut self, page: Page) -> Option<u16> {
        let next = u16::try_from(self.ids.len()).ok()?;
        if let Some(&id) = self.ids.get(&page) {
            return Some(id);
        }
        match &page {
            Page::All(entry) => self.entries.extend([*entry; 256]),
            Page::Each(entries) => self.entries.extend(entries),
        }
        self.ids.insert(page, next);
        Some(next)
    }

    fn bytes(&self) -> Vec<u8> {
        let entries = self.entries.iter();
        entries.flat_map(|entry| entry.to_le_bytes()).collect()
    }
}

/// The intervals of the keys from `first` to `last`.
fn covering(intervals: &[Interval], first: u32, last: u32) -> Option<&[Interval]> {
    let after = |key: u32| intervals.partition_point(|interval| interval.first <= key);
    intervals.get(after(first).checked_sub(1)?..after(last))
}

/// The leaf of each of the 256 keys from `first` on.
fn leaves_of_page(intervals: &[Interval], first: u32) -> Option<Page> {
    let intervals = covering(intervals, first, first + 255)?;
    let number = |interval: &Interval| u16::try_from(interval.leaf.0).ok();
    if let [only] = intervals {
        return Some(Page::All(number(only)?));
    }
    let mut rest = intervals.iter().peekable();
    let mut leaf = number(rest.next()?)?;
    let leaves = (first..first + 256)
        .map(|key| {
            while let Some(next) = rest.next_if(|next| next.first <= key) {
                leaf = number(next)?;
            }
            Some(leaf)
        })
        .collect::<Option<_>>()?;
    Some(Page::of(leaves))
}

/// The page of each upper byte of a protocol's ports.
fn pages_of_protocol(intervals: &[Interval], protocol: u32, pages: &mut Pages) -> Option<Page> {
    let first = protocol << 16;
    let intervals = covering(intervals, first, first | 0xffff)?;
    if let [only] = intervals {
        let page = Page::All(u16::try_from(only.leaf.0).ok()?);
        return Some(Page::All(pages.add(page)?));
    }
    let ids = (0..256).map(|upper| pages.add(leaves_of_page(intervals, first | upper << 8)?));
    Some(Page::of(ids.collect::<Option<_>>()?))
}

impl Generator<'_> {
    /// Leaves the number of the interval's leaf in [`LEAF`].
    pub(super) fn interval_table(&mut self, intervals: &[Interval]) -> Result<(), Cause> {
        let mut pages = Pages::default();
        let mut protocols = Pages::default();
        let mut protocol_of = Vec::with_capacity(256);
        let too_many = Cause::Table(MAX_BYTES);
        for protocol in 0..256 {
            let page = pages_of_protocol(intervals, protocol, &mut pages);
            let id = page.and_then(|page| protocols.add(page));
            let id = id.and_then(|id| u8::try_from(id).ok()).ok_or(too_many)?;
            protocol_of.push(id);
        }

        let first = self.table.append(&protocol_of);
        self.asm.copy(INDEX, L4);
        self.asm.shift_right(INDEX, 16);
        self.asm.and(INDEX, 0xff);
        self.asm.load_target(POINTER, first);
        self.asm.add_register(POINTER, INDEX);
        self.asm.load(Width::U8, INDEX, POINTER, 0);
        for (level, shift, result) in [(&protocols, 8, INDEX), (&pages, 0, LEAF)] {
            let start = self.table.append(&level.bytes());
            let count = u32::try_from(level.ids.len()).map_err(|_| too_many)?;
            // The verifier does not know what the table holds.
            self.asm.jump_if_at_least(INDEX, count, self.done);
            self.asm.shift_left(INDEX, 8);
            self.asm.copy(Register::R2, L4);
            self.asm.shift_right(Register::R2, shift);
            self.asm.and(Register::R2, 0xff);
            self.asm.add_register(INDEX, Register::R2);
            self.asm.shift_left(INDEX, 1);
            self.asm.load_target(POINTER, start);
            self.asm.add_register(POINTER, INDEX);
            self.asm.load(Width::U16, result, POINTER, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod test {
    use polc_plan::LeafId;

    use super::*;

    #[test]
    fn a_page_holds_the_leaf_of_each_of_its_keys() {
        let interval = |first, leaf| Interval {
            first,
            leaf: LeafId(leaf),
        };
        let intervals = [
            interval(0, 0),
            interval(0x105, 1),
            interval(0x106, 0),
            interval(0x1ff, 2),
        ];
        let page = leaves_of_page(&intervals, 0x100).unwrap();
        let expected = |key: usize| match key {
            5 => 1,
            255 => 2,
            _ => 0,
        };
        assert_eq!(page, Page::Each((0..256).map(expected).collect()));
        assert_eq!(leaves_of_page(&intervals, 0x200).unwrap(), Page::All(2));
    }
}
