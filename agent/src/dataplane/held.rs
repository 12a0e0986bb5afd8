//! What a table of the kernel holds, remembered, so that only what differs is written.

use std::{cmp::Ordering, io};

use polc_abi::Plain;

use crate::sys::map::Map;

/// A table that can be changed entry by entry.
pub(super) trait Table<K, V> {
    /// Empties it.
    fn clear(&mut self) -> io::Result<()>;

    /// Removes and sets these entries. `wanted` is all that it holds then, in order of key.
    fn change(&mut self, gone: &[K], changed: &[(K, V)], wanted: &[(K, V)]) -> io::Result<()>;
}

impl<K: Plain, V: Plain> Table<K, V> for Map<K, V> {
    fn clear(&mut self) -> io::Result<()> {
        Self::clear(self)
    }

    fn change(&mut self, gone: &[K], changed: &[(K, V)], _: &[(K, V)]) -> io::Result<()> {
        self.remove_all(gone)?;
        self.set_all(changed)
    }
}

/// The entries of a table, or of one side's part of a table that both share.
#[derive(Debug)]
pub(super) struct Held<K, V> {
    /// In order of key. `None` where it is not known: a write failed, or another agent made them.
    entries: Option<Vec<(K, V)>>,
}

impl<K: Plain + Ord, V: Plain + PartialEq> Held<K, V> {
    /// Of a map that was just made.
    pub(super) const fn nothing() -> Self {
        Self {
            entries: Some(Vec::new()),
        }
    }

    /// Of a map that was there before.
    pub(super) const fn unknown() -> Self {
        Self { entries: None }
    }

    /// Makes the table hold these entries, in place of what is held. One whose entries are not known
    /// is emptied first.
    ///
    /// # Errors
    /// What the kernel says. What the table holds is not known then.
    pub(super) fn become_these(
        &mut self,
        table: &mut impl Table<K, V>,
        mut wanted: Vec<(K, V)>,
    ) -> io::Result<()> {
        wanted.sort_unstable_by_key(|(key, _)| *key);
        let held = match self.entries.take() {
            Some(held) => held,
            None => {
                table.clear()?;
                Vec::new()
            }
        };
        let (gone, changed) = differences(&held, &wanted);
        table.change(&gone, &changed, &wanted)?;
        self.entries = Some(wanted);
        Ok(())
    }
}

/// The keys of `held` that are not wanted, and the entries of `wanted` that are not held. Both are in
/// order of key.
fn differences<K: Copy + Ord, V: Copy + PartialEq>(
    held: &[(K, V)],
    wanted: &[(K, V)],
) -> (Vec<K>, Vec<(K, V)>) {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    let (mut held, mut wanted) = (held.iter().peekable(), wanted.iter().peekable());
    loop {
        let order = match (held.peek(), wanted.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return (gone, changed),
        };
        let (before, after) = match order {
            Ordering::Less => (held.next(), None),
            Ordering::Equal => (held.next(), wanted.next()),
            Ordering::Greater => (None, wanted.next()),
        };
        match (before, after) {
            (Some((key, _)), None) => gone.push(*key),
            (before, Some(after)) if before.is_none_or(|before| before.1 != after.1) => {
                changed.push(*after);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let held = [(1, 'a'), (2, 'b'), (4, 'd')];
        let wanted = [(0, 'z'), (2, 'b'), (4, 'x'), (5, 'e')];
        let (gone, changed) = differences(&held, &wanted);
        assert_eq!(gone, [1]);
        assert_eq!(changed, [(0, 'z'), (4, 'x'), (5, 'e')]);
        assert_eq!(differences(&held, &held), (vec![], vec![]));
    }
}
