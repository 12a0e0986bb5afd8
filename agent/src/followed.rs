//! How following the inventory goes.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How following the inventory goes, since the agent was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// How often a change was put in force; several at once count once.
    pub changes: u64,
    /// From when the latest change was written until it was in force, in milliseconds.
    pub last_lag_ms: u64,
    /// The longest that it took.
    pub longest_lag_ms: u64,
    /// Why what is there now is not in force. `None` where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Counts while others look.
#[derive(Debug, Default)]
pub(crate) struct Follower(Mutex<Option<Followed>>);

impl Follower {
    /// `None` where the inventory is not followed.
    pub(crate) fn get(&self) -> Option<Followed> {
        self.lock().clone()
    }

    /// Says that the inventory is followed from now on.
    pub(crate) fn begin(&self) {
        self.lock().get_or_insert_default();
    }

    /// Counts a change that is in force.
    pub(crate) fn changed(&self, lag: Option<Duration>) {
        let mut followed = self.lock();
        let followed = followed.get_or_insert_default();
        followed.changes += 1;
        if let Some(lag) = lag {
            followed.last_lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
            followed.longest_lag_ms = followed.longest_lag_ms.max(followed.last_lag_ms);
        }
    }

    /// Notes why the inventory that is there is not in force, or that it is. Whether that is news.
    pub(crate) fn note(&self, problem: Option<String>) -> bool {
        let mut followed = self.lock();
        let followed = followed.get_or_insert_default();
        let is_news = followed.problem != problem;
        followed.problem = problem;
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, Option<Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
