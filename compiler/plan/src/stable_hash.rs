//! A hash that is the same everywhere and always: for numbers that follow from names.

/// FNV-1a (Fowler, Noll and Vo), 64 bits.
#[must_use]
pub fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

/// As [`fnv1a`], folded into a number below `end`.
#[must_use]
pub fn below(end: u32, bytes: impl Iterator<Item = u8>) -> u32 {
    let hash = fnv1a(bytes);
    let folded = (hash >> 32) ^ (hash & u64::from(u32::MAX));
    u32::try_from(folded.checked_rem(u64::from(end)).unwrap_or(0)).unwrap_or(0)
}
