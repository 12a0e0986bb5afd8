//! The latest records, and waiting for the next.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Filter, FlowRecord, filter::means};

/// Records that are kept.
const CAPACITY: usize = 8192;

/// The latest records. Each has an id, counted from 1 on since the agent started.
#[derive(Debug, Default)]
pub struct History {
    records: Mutex<Records>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Records {
    latest: VecDeque<FlowRecord>,
    /// The id of the record that was added last; 0 when there is none.
    last: u64,
}

impl History {
    /// Adds a record, with an id of its own, and forgets the oldest when there are too many.
    pub fn push(&self, mut record: FlowRecord) {
        let mut records = self.lock();
        if records.latest.len() == CAPACITY {
            records.latest.pop_front();
        }
        records.last += 1;
        record.id = records.last;
        records.latest.push_back(record);
        drop(records);
        self.news.notify_all();
    }

    /// The last `count` records that the filter accepts, oldest first, and the id of the last of
    /// all, accepted or not.
    #[must_use]
    pub fn last(&self, count: usize, filter: &Filter) -> (Vec<FlowRecord>, u64) {
        let records = self.lock();
        let accepted = records
            .latest
            .iter()
            .rev()
            .filter(|one| filter.accepts(one));
        let mut found: Vec<FlowRecord> = accepted.take(count).cloned().collect();
        found.reverse();
        (found, records.last)
    }

    /// Records after the one with this id that the filter accepts, and the id of the last of all.
    /// Waits for one, accepted or not, but no longer than `patience`. Whoever is too slow misses
    /// records.
    #[must_use]
    pub fn since(&self, id: u64, filter: &Filter, patience: Duration) -> (Vec<FlowRecord>, u64) {
        let records = self.lock();
        let (records, _) = self
            .news
            .wait_timeout_while(records, patience, |records| records.last <= id)
            .unwrap_or_else(PoisonError::into_inner);
        let is_new = |record: &&FlowRecord| record.id > id && filter.accepts(record);
        let found = records.latest.iter().filter(is_new).cloned().collect();
        (found, records.last)
    }

    /// The record with this id, if it is still kept.
    #[must_use]
    pub fn record(&self, id: u64) -> Option<FlowRecord> {
        let records = self.lock();
        let found = records.latest.iter().rev().find(|record| record.id == id);
        found.cloned()
    }

    /// How many records there have been.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lock().last
    }

    /// Whether an end of one of the records has this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.lock()
            .latest
            .iter()
            .flat_map(|record| [&record.source, &record.destination])
            .any(|party| means(name, &party.name))
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::record::Party;

    /// A record from a sender to the world.
    fn from(name: &str) -> FlowRecord {
        let party = |name: &str| Party {
            address: "10.0.0.1".parse().unwrap(),
            port: None,
            name: name.to_owned(),
        };
        FlowRecord {
            id: 0,
            time_ms: 0,
            verdict: "allowed".to_owned(),
            reason: None,
            endpoint: None,
            direction: "egress".to_owned(),
            hook: "from_endpoint".to_owned(),
            source: party(name),
            destination: party("world"),
            protocol: "tcp".to_owned(),
            icmp: None,
            bytes: 60,
            epoch: 1,
            decider: None,
            audit: None,
        }
    }

    fn only(name: &str) -> Filter {
        Filter {
            from: Some(name.parse().unwrap()),
            ..Filter::default()
        }
    }

    fn ids((records, last): (Vec<FlowRecord>, u64)) -> (Vec<u64>, u64) {
        (records.iter().map(|record| record.id).collect(), last)
    }

    #[test]
    fn the_last_n_are_n_that_are_wanted() {
        let history = History::default();
        for name in ["web", "db", "web", "web", "db", "db"] {
            history.push(from(name));
        }
        assert_eq!(ids(history.last(2, &only("web"))), (vec![3, 4], 6));
        assert_eq!(ids(history.last(2, &Filter::default())), (vec![5, 6], 6));
        assert_eq!(ids(history.last(9, &only("api"))), (vec![], 6));
        let since = |id| ids(history.since(id, &only("web"), Duration::ZERO));
        assert_eq!(since(2), (vec![3, 4], 6));
        assert_eq!(since(6), (vec![], 6));
    }

    #[test]
    fn ids_stay_when_the_oldest_are_forgotten() {
        let history = History::default();
        for _ in 0..CAPACITY + 2 {
            history.push(from("web"));
        }
        assert_eq!(history.record(2), None);
        assert_eq!(history.record(3).unwrap().id, 3);
        assert!(history.knows("world") && history.knows("web") && !history.knows("db"));
    }
}
