//! A policy on trial: in force until a time, and what was before comes back then unless somebody says
//! that it stays.
//!
//! Whoever has cut off the only way to the node can say nothing, and gets it back. That must not need an
//! agent that lives: the state directory says that there is a trial from before the switch on, and an
//! agent that starts and finds one ends it.

use std::{
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tracing::{error, info};

use crate::{agent::Agent, state_dir::Source};

/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many seconds a trial lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Seconds(u32);

impl Seconds {
    const RANGE: std::ops::RangeInclusive<u32> = 1..=86_400;

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl TryFrom<u32> for Seconds {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        let range = Self::RANGE;
        let fault = || format!("a trial lasts {} to {} seconds", range.start(), range.end());
        range
            .contains(&seconds)
            .then_some(Self(seconds))
            .ok_or_else(fault)
    }
}

impl From<Seconds> for u32 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds: u32 = text.parse().map_err(|_| "no such number".to_owned())?;
        Self::try_from(seconds)
    }
}

/// A trial that is on.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The epoch that it began with.
    pub(crate) epoch: u32,
    /// When it ends.
    pub(crate) deadline: Instant,
    /// What comes back.
    pub(crate) before: Source,
    /// Whether an inventory was part of what is on trial.
    pub(crate) is_of_inventory: bool,
    /// Where that came from, for messages: bundle and inventory.
    pub(crate) paths: [PathBuf; 2],
}

impl Trial {
    /// Seconds until it ends.
    pub(crate) fn seconds_left(&self) -> u64 {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }
}

/// Ends a trial when its time is over, if it is still on.
pub(crate) fn watch(agent: &Arc<Agent>, epoch: u32, deadline: Instant) {
    let agent = Arc::clone(agent);
    thread::spawn(move || {
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        loop {
            match agent.end_trial(epoch) {
                Ok(true) => {
                    info!("nobody has confirmed it: what was in force before is in force again");
                    return;
                }
                Ok(false) => return,
                Err(cause) => error!("what was in force before cannot be put in force: {cause}"),
            }
            thread::sleep(AGAIN);
        }
    });
}
