//! The table from an exact address to what the node knows of it, made for one line of cache each.
//!
//! It is asked about every new flow, and beyond some thousand peers memory is what a lookup costs. A
//! hash of the kernel goes to a bucket, then to an element that lies across two lines. Here a bucket
//! is a line with two entries in it, and an address is in one of two buckets, most often in the first
//! (cuckoo hashing: Pagh and Rodler, 2004; with buckets: Dietzfelbinger and Weidling, 2007). So a
//! lookup is two buckets at most, without a loop, and the table may be three quarters full.
//!
//! Datapath and agent must agree on [`buckets`]. Placing entries, which may push others to their other
//! bucket, is the agent's: it only ever writes a table that no packet reads.

use crate::{Plain, key::Address, node::Peer};

/// An address and what is known of it. Empty when the flag [`IN_USE`](crate::node::peer_flag::IN_USE)
/// is not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Entry {
    /// The address.
    pub address: Address,
    /// What is known of it.
    pub peer: Peer,
}

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Entry {}

/// Entries of a bucket.
pub const BUCKET_ENTRIES: usize = 2;

/// Entries that are asked about together: one line of cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Bucket(pub [Entry; BUCKET_ENTRIES]);

// SAFETY: repr(C), sized without padding (tested below), integers only.
unsafe impl Plain for Bucket {}

/// The buckets in which an address may be, in a table of `mask + 1` buckets, a power of two. The two
/// may be one and the same.
#[inline(always)]
#[must_use]
pub const fn buckets(address: &Address, mask: u32) -> [u32; 2] {
    let hash = hash(words(address));
    [hash as u32 & mask, (hash >> 32) as u32 & mask]
}

/// The halves of an address, as numbers in which neighbours differ by little: a product spreads low bits
/// upwards only. In the datapath addresses are aligned, so that each is a load and a swap.
#[inline(always)]
const fn words(address: &Address) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *address;
    [
        u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        u64::from_be_bytes([i, j, k, l, m, n, o, p]),
    ]
}

/// Multiplies and folds, as the finaliser of MurmurHash3 does, so that each bit of the address reaches
/// all bits of both numbers of buckets.
#[inline(always)]
#[must_use]
pub const fn hash([first, second]: [u64; 2]) -> u64 {
    let mut hash = first.wrapping_mul(MULTIPLIERS[0]);
    hash ^= hash >> 32;
    hash = (hash ^ second).wrapping_mul(MULTIPLIERS[1]);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(MULTIPLIERS[2]);
    hash ^ hash >> 33
}

/// Odd, with bits in no pattern: the golden ratio, and MurmurHash3's constants for 64 bits.
pub const MULTIPLIERS: [u64; 3] = [
    0x9e37_79b9_7f4a_7c15,
    0xff51_afd7_ed55_8ccd,
    0xc4ce_b9fe_1a85_ec53,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ipv4;

    #[test]
    fn layout() {
        crate::assert_layout!(Entry, 32, [Address, Peer]);
        crate::assert_layout!(Bucket, 64, [[Entry; BUCKET_ENTRIES]]);
    }

    #[test]
    fn neighbours_are_spread_over_all_buckets() {
        const BUCKETS: u32 = 1 << 12;
        for first in [0x0a00_0000_u32, 0xc0a8_0000] {
            let mut counts = std::vec![[0_u32; 2]; BUCKETS as usize];
            for number in 0..4 * BUCKETS {
                let address = ipv4((first + number).to_be_bytes());
                for (which, bucket) in buckets(&address, BUCKETS - 1).into_iter().enumerate() {
                    counts[bucket as usize][which] += 1;
                }
            }
            // Four on average, as a Poisson distribution has them: 18 or more in one of 2^14 draws
            // is a matter of one in ten thousand.
            let most = counts.iter().flatten().max().copied();
            assert!(most < Some(18), "{most:?} in one bucket");
            let empty = counts.iter().flatten().filter(|count| **count == 0).count();
            let share = empty * 1000 / (2 * BUCKETS as usize);
            assert!(
                (12..25).contains(&share),
                "{share} of 1000 are empty, not 18"
            );
        }
    }
}
