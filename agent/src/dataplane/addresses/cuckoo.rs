//! Placing addresses in buckets: where each is in one of its two.
//!
//! Where both are full, one of their entries goes to its other bucket, whose entry may have to go to
//! its own, and so on. The shortest such way is found by breadth-first search before anything moves
//! (as in MemC3: Fan, Andersen and Kaminsky, 2013), so that a failure changes nothing.

use std::collections::BTreeSet;

use polc_abi::{
    address::{self, Bucket, Entry},
    key::Address,
    node::{Peer, peer_flag},
};

/// Buckets that are looked at before an address is given up. At three quarters full, a way is found
/// among the first dozen most often.
const SEARCHED: usize = 512;

/// The memory that buckets are in: as many as a power of two.
pub(super) trait Buckets {
    /// How many there are, less one.
    fn mask(&self) -> u32;
    /// A bucket; its number has no bits but those of the mask.
    fn get(&self, index: u32) -> Bucket;
    /// Replaces one.
    fn set(&mut self, index: u32, bucket: Bucket);
}

/// No bucket has room for the address, and no entry can make room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// A bucket on the way to a free place.
struct Step {
    bucket: u32,
    /// The step before, and which of its entries would go here. `None` for the address's own buckets.
    from: Option<(usize, usize)>,
}

/// Puts an address in, or replaces what is known of it.
///
/// # Errors
/// There is no room. Nothing was changed then.
pub(super) fn put(table: &mut impl Buckets, address: Address, peer: Peer) -> Result<(), NoRoom> {
    let entry = Entry {
        address,
        peer: Peer {
            flags: peer.flags | peer_flag::IN_USE,
            ..peer
        },
    };
    let own = address::buckets(&address, table.mask());
    for wanted in [Some(&address), None] {
        for index in own {
            if replace(table, index, wanted, entry) {
                return Ok(());
            }
        }
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut seen = BTreeSet::new();
    for bucket in own {
        if seen.insert(bucket) {
            steps.push(Step { bucket, from: None });
        }
    }
    let mut position = 0;
    while let Some(step) = steps.get(position) {
        let bucket = step.bucket;
        for (place, candidate) in table.get(bucket).0.into_iter().enumerate() {
            let [first, second] = address::buckets(&candidate.address, table.mask());
            let other = if first == bucket { second } else { first };
            if !seen.insert(other) {
                continue;
            }
            if replace(table, other, None, candidate) {
                make_room(table, &steps, (position, place), entry);
                return Ok(());
            }
            if steps.len() < SEARCHED {
                steps.push(Step {
                    bucket: other,
                    from: Some((position, place)),
                });
            }
        }
        position += 1;
    }
    Err(NoRoom)
}

/// The entry at `freed` has a copy elsewhere: from there back, each step's entry takes the place that
/// has become free, and `entry` the last.
fn make_room(table: &mut impl Buckets, steps: &[Step], mut freed: (usize, usize), entry: Entry) {
    while let Some(step) = steps.get(freed.0) {
        let (moved, next) = match step.from {
            None => (entry, None),
            Some((before, place)) => {
                let bucket = steps.get(before).map_or(0, |step| step.bucket);
                let moved = table.get(bucket).0.get(place).copied();
                (moved.unwrap_or_default(), Some((before, place)))
            }
        };
        let mut bucket = table.get(step.bucket);
        if let Some(free) = bucket.0.get_mut(freed.1) {
            *free = moved;
        }
        table.set(step.bucket, bucket);
        match next {
            Some(next) => freed = next,
            None => return,
        }
    }
}

/// Removes an address, if it is there.
pub(super) fn remove(table: &mut impl Buckets, address: &Address) {
    for index in address::buckets(address, table.mask()) {
        if replace(table, index, Some(address), Entry::default()) {
            return;
        }
    }
}

/// Replaces the entry of this address in a bucket, or an empty one. Whether there was one.
fn replace(table: &mut impl Buckets, index: u32, wanted: Option<&Address>, by: Entry) -> bool {
    let mut bucket = table.get(index);
    let found = bucket.0.iter_mut().find(|entry| {
        let in_use = entry.peer.flags & peer_flag::IN_USE != 0;
        match wanted {
            Some(address) => in_use && entry.address == *address,
            None => !in_use,
        }
    });
    let Some(entry) = found else { return false };
    *entry = by;
    table.set(index, bucket);
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use polc_abi::key::ipv4;

    use super::*;

    impl Buckets for Vec<Bucket> {
        fn mask(&self) -> u32 {
            u32::try_from(self.len()).unwrap() - 1
        }
        fn get(&self, index: u32) -> Bucket {
            self[index as usize]
        }
        fn set(&mut self, index: u32, bucket: Bucket) {
            self[index as usize] = bucket;
        }
    }

    /// As the datapath looks.
    fn find(table: &Vec<Bucket>, address: &Address) -> Option<u32> {
        address::buckets(address, table.mask())
            .into_iter()
            .flat_map(|index| table.get(index).0)
            .find(|entry| entry.address == *address && entry.peer.flags & peer_flag::IN_USE != 0)
            .map(|entry| entry.peer.id)
    }

    fn peer(id: u32) -> Peer {
        Peer {
            id,
            ..Peer::default()
        }
    }

    fn assert_holds(table: &Vec<Bucket>, wanted: &BTreeMap<Address, u32>) {
        for (address, id) in wanted {
            assert_eq!(find(table, address), Some(*id), "{address:?}");
        }
        let in_use = table.iter().flat_map(|bucket| bucket.0);
        let in_use = in_use.filter(|entry| entry.peer.flags & peer_flag::IN_USE != 0);
        assert_eq!(in_use.count(), wanted.len());
    }

    #[test]
    fn three_quarters_full_all_are_found_and_nothing_else() {
        const BUCKETS: usize = 1 << 10;
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..20 {
            let mut table = vec![Bucket::default(); BUCKETS];
            let mut wanted = BTreeMap::new();
            while wanted.len() < BUCKETS * 3 / 2 {
                let (address, id) = (ipv4(rng.u32(..).to_be_bytes()), rng.u32(..));
                put(&mut table, address, peer(id)).unwrap();
                wanted.insert(address, id);
            }
            assert_holds(&table, &wanted);
            assert_eq!(find(&table, &[0; 16]), None);
            assert_eq!(find(&table, &ipv4([1, 1, 1, 1])), None);
        }
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing_behind() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut table = vec![Bucket::default(); 64];
        let mut wanted = BTreeMap::new();
        for _ in 0..20_000 {
            let address = ipv4([10, 0, 0, rng.u8(..)]);
            if rng.bool() && wanted.len() < 96 {
                let id = rng.u32(..);
                // In so small a table, sometimes one has no room.
                if put(&mut table, address, peer(id)).is_ok() {
                    wanted.insert(address, id);
                }
            } else {
                remove(&mut table, &address);
                wanted.remove(&address);
            }
        }
        assert_holds(&table, &wanted);
    }

    #[test]
    fn where_there_is_no_room_nothing_changes() {
        let mut table = vec![Bucket::default(); 4];
        let mut wanted = BTreeMap::new();
        let mut refused = 0;
        for last in 0..=255 {
            let address = ipv4([10, 0, 0, last]);
            let before = table.clone();
            if put(&mut table, address, peer(last.into())).is_ok() {
                wanted.insert(address, last.into());
            } else {
                refused += 1;
                assert_eq!(table, before);
            }
        }
        assert_eq!((wanted.len(), refused), (8, 248));
        assert_holds(&table, &wanted);
    }
}
