//! The latest records, and waiting for the next.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::FlowRecord;

/// Records that are kept.
const CAPACITY: usize = 8192;

/// The latest records. Each has a number; numbers only grow.
#[derive(Debug, Default)]
pub struct History {
    records: Mutex<Records>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Records {
    latest: VecDeque<FlowRecord>,
    /// The number of the record that comes next.
    next: u64,
}

impl History {
    /// Adds a record, and forgets the oldest when there are too many.
    pub fn push(&self, record: FlowRecord) {
        let mut records = self.lock();
        if records.latest.len() == CAPACITY {
            records.latest.pop_front();
        }
        records.latest.push_back(record);
        records.next += 1;
        drop(records);
        self.news.notify_all();
    }

    /// The last `count` records, and the number of the one that comes next.
    #[must_use]
    pub fn last(&self, count: usize) -> (Vec<FlowRecord>, u64) {
        let records = self.lock();
        let skip = records.latest.len().saturating_sub(count);
        (
            records.latest.iter().skip(skip).cloned().collect(),
            records.next,
        )
    }

    /// Records from number `from` on; waits for one, but no longer than `patience`. Whoever is
    /// too slow misses records.
    #[must_use]
    pub fn since(&self, from: u64, patience: Duration) -> (Vec<FlowRecord>, u64) {
        let records = self.lock();
        let (records, _) = self
            .news
            .wait_timeout_while(records, patience, |records| records.next <= from)
            .unwrap_or_else(PoisonError::into_inner);
        let wanted = usize::try_from(records.next.saturating_sub(from)).unwrap_or(usize::MAX);
        let skip = records.latest.len().saturating_sub(wanted);
        (
            records.latest.iter().skip(skip).cloned().collect(),
            records.next,
        )
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
