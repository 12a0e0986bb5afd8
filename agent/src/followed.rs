//! How following the inventory goes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How many changes "the latest" are.
const LATEST: usize = 4_096;

/// How following the inventory goes, since the agent was started. A lag is from when a change was written
/// until it was in force, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// How often a change was put in force; several at once count once, with the lag of the oldest.
    pub changes: u64,
    /// Of the latest change.
    pub last_lag_ms: u64,
    /// That half of the latest 4,096 changes took no longer than.
    #[serde(default)]
    pub median_lag_ms: u64,
    /// That 99% of them took no longer than.
    #[serde(default)]
    pub p99_lag_ms: u64,
    /// The longest of all.
    pub longest_lag_ms: u64,
    /// Why what is there now is not in force. `None` where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Counts while others look.
#[derive(Debug, Default)]
pub(crate) struct Follower(Mutex<Option<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    followed: Followed,
    latest: VecDeque<u32>,
}

impl Follower {
    /// `None` where the inventory is not followed.
    pub(crate) fn get(&self) -> Option<Followed> {
        let counted = self.lock();
        let counted = counted.as_ref()?;
        let mut latest: Vec<u32> = counted.latest.iter().copied().collect();
        latest.sort_unstable();
        let percent = |percent: usize| {
            let position = (latest.len() * percent).div_ceil(100).saturating_sub(1);
            latest.get(position).copied().unwrap_or_default().into()
        };
        Some(Followed {
            median_lag_ms: percent(50),
            p99_lag_ms: percent(99),
            ..counted.followed.clone()
        })
    }

    /// Says that the inventory is followed from now on.
    pub(crate) fn begin(&self) {
        self.lock().get_or_insert_default();
    }

    /// Counts a change that is in force.
    pub(crate) fn changed(&self, lag: Option<Duration>) {
        let mut counted = self.lock();
        let Counted { followed, latest } = counted.get_or_insert_default();
        followed.changes += 1;
        if let Some(lag) = lag {
            let lag = u32::try_from(lag.as_millis()).unwrap_or(u32::MAX);
            followed.last_lag_ms = lag.into();
            followed.longest_lag_ms = followed.longest_lag_ms.max(lag.into());
            latest.push_back(lag);
            if latest.len() > LATEST {
                latest.pop_front();
            }
        }
    }

    /// Notes why the inventory that is there is not in force, or that it is. Whether that is news.
    pub(crate) fn note(&self, problem: Option<String>) -> bool {
        let mut counted = self.lock();
        let followed = &mut counted.get_or_insert_default().followed;
        let is_news = followed.problem != problem;
        followed.problem = problem;
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, Option<Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_summed_up() {
        let follower = Follower::default();
        assert_eq!(follower.get(), None);
        for lag in (1..=200).rev() {
            follower.changed(Some(Duration::from_millis(lag)));
        }
        let followed = follower.get().unwrap();
        let lags = (
            followed.median_lag_ms,
            followed.p99_lag_ms,
            followed.longest_lag_ms,
        );
        assert_eq!(
            (followed.changes, followed.last_lag_ms, lags),
            (200, 1, (100, 198, 200))
        );
    }
}
