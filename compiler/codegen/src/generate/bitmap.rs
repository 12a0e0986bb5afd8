//! Leaves as sets of rules: the first bit that is in the peer's signature and in the leaf's row.
//!
//! The table holds, for each leaf, a row: for each tier its mask and then what happens otherwise;
//! and for each tier what each column does. What is done is eight bytes: verdict and decider, or
//! zero to go on with the next tier.

use polc_abi::policy::offset;
use polc_model::Model;
use polc_plan::{
    Bitmap, Deciders, NameId,
    bitmap::{BitmapTier, Outcome},
    raw_verdict,
};

use super::{Cause, Generator, INPUT, Loads, ROW, table::LEAF};
use crate::{
    asm::{Label, Width},
    insn::Register,
    program::Target,
};

const WORD: Register = Register::R2;
const MASK: Register = Register::R3;
const COLUMN: Register = Register::R4;
const POINTER: Register = Register::R5;

/// Bytes of a word, and of an entry that says what is done.
const ENTRY: usize = size_of::<u64>();
const WORD_BITS: usize = 64;

/// Multiplying an isolated bit by this leaves its position in the upper six bits: each window of
/// six bits of a de Bruijn sequence is another (Leiserson, Prokop and Randall, "Using de Bruijn
/// sequences to index a 1 in a computer word", 1998).
const DE_BRUIJN: u64 = 0x03f7_9d71_b4cb_0a89;

impl Generator<'_> {
    /// Decides the leaf whose number [`LEAF`] holds.
    pub(super) fn bitmap(&mut self, bitmap: &Bitmap) -> Result<(), Cause> {
        let too_large = Cause::Table(super::table::MAX_BYTES);
        let mut rows = Vec::new();
        for row in &bitmap.rows {
            for tier in &row.tiers {
                rows.extend(tier.mask.iter().flat_map(|word| word.to_le_bytes()));
                rows.extend(entry(self.model, self.deciders, tier.otherwise));
            }
        }
        let rows = self.table.append(&rows);
        let positions = self.table.append(&positions());
        let row_bytes: usize = bitmap
            .tiers
            .iter()
            .map(|tier| (tier.words() + 1) * ENTRY)
            .sum();

        let count = u32::try_from(bitmap.rows.len()).map_err(|_| too_large)?;
        // The verifier does not know what the table holds.
        self.asm.jump_if_at_least(LEAF, count, self.done);
        self.asm
            .multiply(LEAF, i32::try_from(row_bytes).map_err(|_| too_large)?);
        self.asm.load_target(ROW, rows);
        self.asm.add_register(ROW, LEAF);

        let mut at = 0;
        for tier in &bitmap.tiers {
            let next = self.asm.label();
            self.tier(tier, at, positions, next).ok_or(too_large)?;
            self.asm.place(next);
            at += (tier.words() + 1) * ENTRY;
        }
        // Not reached in a valid plan: the last tier always decides.
        self.asm.jump(self.done);
        Ok(())
    }

    /// One tier: its part of the row begins `at` bytes behind the row's start.
    fn tier(&mut self, tier: &BitmapTier, at: usize, positions: Target, next: Label) -> Option<()> {
        let resolve = self.asm.label();
        let offset = |word: usize| i16::try_from(at + word * ENTRY).ok();
        if tier.words() > 0 {
            let found: Vec<Label> = (0..tier.words()).map(|_| self.asm.label()).collect();
            let first = self.asm.label();
            let width = match self.load_block(POINTER, tier.block)? {
                Loads::Whole(width) => width,
                Loads::Words => Width::U64,
            };
            for (word, &found) in found.iter().enumerate() {
                self.asm
                    .load(width, WORD, POINTER, i16::try_from(word * ENTRY).ok()?);
                self.asm.load(Width::U64, MASK, ROW, offset(word)?);
                self.asm.and_register(WORD, MASK);
                for (name, columns) in tier.named(word) {
                    self.only_if_named(name, columns);
                }
                self.asm.jump_if_not_zero(WORD, found);
            }
            let otherwise = self.asm.label();
            self.asm.jump(otherwise);

            for (word, found) in found.into_iter().enumerate() {
                self.asm.place(found);
                self.asm.set(COLUMN, i32::try_from(word * WORD_BITS).ok()?);
                self.asm.jump(first);
            }
            self.asm.place(first);
            let columns = self.table.append(&columns(self.model, self.deciders, tier));
            self.lowest_bit(positions);
            self.asm.add_register(COLUMN, WORD);
            self.asm.shift_left(COLUMN, 3);
            self.asm.load_target(POINTER, columns);
            self.asm.add_register(POINTER, COLUMN);
            self.asm.jump(resolve);
            self.asm.place(otherwise);
        }
        self.asm.copy(POINTER, ROW);
        self.asm.add(POINTER, i32::from(offset(tier.words())?));
        self.asm.place(resolve);
        self.store_entry(POINTER, next);
        Some(())
    }

    /// Takes these columns out of [`WORD`] unless the receiver has this name for the port. Without a
    /// jump, and without a number that is all bits or none: of either, a verifier would walk what
    /// follows once for each combination of names.
    fn only_if_named(&mut self, name: NameId, columns: u64) {
        let kept = MASK;
        self.asm
            .load(Width::U64, kept, INPUT, super::at(offset::NAMES));
        self.asm.load_target(COLUMN, Target::Name(name.0));
        self.asm.shift_right_by(kept, COLUMN);
        self.asm.and(kept, 1);
        self.asm.set_u64(COLUMN, columns);
        self.asm.multiply_register(kept, COLUMN);
        self.asm.set_u64(COLUMN, !columns);
        self.asm.or_register(kept, COLUMN);
        self.asm.and_register(WORD, kept);
    }

    /// Replaces [`WORD`], which is not zero, by the position of its lowest bit.
    fn lowest_bit(&mut self, positions: Target) {
        // Not the operation that negates: machines in user space trip over the last bit of a word.
        self.asm.set(MASK, 0);
        self.asm.subtract_register(MASK, WORD);
        self.asm.and_register(WORD, MASK);
        self.asm.set_u64(MASK, DE_BRUIJN);
        self.asm.multiply_register(WORD, MASK);
        self.asm.shift_right(WORD, 58);
        self.asm.load_target(POINTER, positions);
        self.asm.add_register(POINTER, WORD);
        self.asm.load(Width::U8, WORD, POINTER, 0);
        self.asm.and(WORD, 63);
    }
}

/// What each column does, at the position of its bit, with nothing at bits that are none.
fn columns(model: &Model, deciders: &Deciders, tier: &BitmapTier) -> Vec<u8> {
    let columns = tier.columns.iter();
    let mut bytes: Vec<u8> = columns
        .flat_map(|column| entry(model, deciders, column.then))
        .collect();
    bytes.resize(tier.words() * WORD_BITS * ENTRY, 0);
    bytes
}

fn entry(model: &Model, deciders: &Deciders, outcome: Outcome) -> [u8; ENTRY] {
    let (verdict, decider) = match outcome {
        Outcome::NextTier => (0, 0),
        Outcome::Decide(decision) => (
            raw_verdict(model, decision) as u32,
            deciders.id(decision.decider).0,
        ),
    };
    (u64::from(decider) << 32 | u64::from(verdict)).to_le_bytes()
}

/// The position of a bit, by its window of the sequence.
fn positions() -> [u8; WORD_BITS] {
    let mut positions = [0; WORD_BITS];
    for bit in 0..64_u8 {
        let window = (DE_BRUIJN << bit) >> 58;
        if let Some(position) = positions.get_mut(usize::try_from(window).unwrap_or(0)) {
            *position = bit;
        }
    }
    positions
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn each_bit_has_a_window_of_its_own() {
        let mut positions = positions();
        positions.sort_unstable();
        assert!(positions.into_iter().eq(0..64));
    }

    #[test]
    fn verdict_and_decider_are_where_the_program_reads_them() {
        let decision = polc_model::Decision {
            verdict: polc_model::Verdict::Deny,
            decider: polc_model::Decider::Init,
        };
        let deciders = Deciders::default();
        let entry = |outcome| entry(&Model::default(), &deciders, outcome);
        let bytes = entry(Outcome::Decide(decision));
        assert_eq!(bytes[..4], 2_u32.to_le_bytes());
        assert_eq!(bytes[4..], deciders.id(decision.decider).0.to_le_bytes());
        assert_eq!(entry(Outcome::NextTier), [0; 8]);
    }
}
