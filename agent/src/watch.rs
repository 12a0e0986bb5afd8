//! Watching what changes under the agent: interfaces, and the inventory where that is wanted.
//!
//! An interface that is made anew, as when a pod restarts, is another interface, without hooks. What is
//! in force is put in force on it too.

use std::{sync::atomic::Ordering, thread, time::Duration};

use tracing::{debug, info, warn};

use crate::{agent::Agent, inventory_source::InventorySource};

/// How often to look. The interface is open for so long; kubelet and CNI take longer to start
/// what is behind it.
const PERIOD: Duration = Duration::from_millis(200);

/// How often to look at the inventory.
const INVENTORY_PERIOD: Duration = Duration::from_millis(20);
/// How often to try again what could not be put in force: all of it is read and computed each time.
const RETRY_PERIOD: Duration = Duration::from_millis(500);

/// Follows the inventory until the agent ends: puts in force what it says. What cannot be put in force
/// changes nothing and is tried again.
pub(crate) fn inventory(agent: &Agent) {
    agent.followed().begin();
    let mut path = agent.inventory_path();
    let mut source = InventorySource::new(path.clone());
    let mut period = INVENTORY_PERIOD;
    while !agent.is_ending().load(Ordering::Relaxed) {
        thread::sleep(period);
        let now = agent.inventory_path();
        if now != path {
            source = InventorySource::new(now.clone());
            path = now;
        }
        let followed = source.read().and_then(|reading| match reading {
            None => Ok(()),
            Some(reading) => {
                let result = agent.follow(reading).map(|is_new| {
                    if is_new {
                        debug!("the inventory has changed");
                    }
                });
                if result.is_err() {
                    source = InventorySource::new(path.clone());
                }
                result
            }
        });
        let problem = followed.err().map(|error| error.to_string());
        period = match problem {
            None => INVENTORY_PERIOD,
            Some(_) => RETRY_PERIOD,
        };
        if agent.followed().note(problem.clone())
            && let Some(problem) = problem
        {
            warn!("the inventory is not followed: {problem}");
        }
    }
}

/// Watches the interfaces of what is in force until the agent ends.
pub(crate) fn interfaces(agent: &Agent) {
    let mut last_said = String::new();
    while !agent.is_ending().load(Ordering::Relaxed) {
        thread::sleep(PERIOD);
        match agent.refresh() {
            Ok(false) => last_said.clear(),
            Ok(true) => info!("interfaces have changed"),
            Err(error) => {
                // Once, not five times a second: it may be gone for good.
                let said = error.to_string();
                if said != last_said {
                    warn!("{said}");
                    last_said = said;
                }
            }
        }
    }
}
