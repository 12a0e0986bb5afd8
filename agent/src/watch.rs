//! Watching what changes under the agent: interfaces, and the inventory where that is wanted.
//!
//! An interface that is made anew, as when a pod restarts, is another interface, without hooks. What is
//! in force is put in force on it too.

use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use tracing::{debug, info, warn};

use crate::{
    agent::Agent,
    changes::Changes,
    inventory_source::{InventorySource, Look},
    sys::heap,
};

/// How often to look. The interface is open for so long; kubelet and CNI take longer to start
/// what is behind it.
const PERIOD: Duration = Duration::from_millis(200);

/// How often to give back memory that is free.
const TRIM_PERIOD: Duration = Duration::from_secs(2);

/// How long to wait for changes of the inventory before looking whether the agent ends.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often to try again what could not be put in force.
const RETRY_PERIOD: Duration = Duration::from_millis(500);

/// Follows the inventory until the agent ends: puts in force what it says. What cannot be put in force
/// changes nothing and is tried again.
///
/// It begins with a source that has been read, and is read anew when another inventory is applied.
pub(crate) fn inventory(agent: &Agent, source: InventorySource) {
    agent.followed().begin();
    let mut source = source;
    while !agent.is_ending().load(Ordering::Relaxed) {
        let path = agent.inventory_path();
        if source.path() != path {
            source = InventorySource::new(path, agent.this_node().clone());
        }
        follow(agent, &mut source);
    }
}

/// Follows the inventory until it is at another path.
fn follow(agent: &Agent, source: &mut InventorySource) {
    let path = source.path().to_owned();
    let mut changes = Changes::of(&path);
    let was_directory = path.is_dir();
    let mut look = Some(Look::Everywhere);
    let mut failed: Option<Instant> = None;
    while !agent.is_ending().load(Ordering::Relaxed)
        && agent.inventory_path() == path
        && path.is_dir() == was_directory
    {
        let retry = failed.is_some_and(|failed| failed.elapsed() >= RETRY_PERIOD);
        if retry && look.is_none() {
            look = Some(Look::At([].into()));
        }
        if let Some(look) = look.take() {
            let problem = put_in_force(agent, source, &look);
            failed = problem.is_some().then(Instant::now);
            if agent.followed().note(problem.clone())
                && let Some(problem) = problem
            {
                warn!("the inventory is not followed: {problem}");
            }
        }
        let patience = match failed {
            Some(failed) => RETRY_PERIOD.saturating_sub(failed.elapsed()),
            None => PATIENCE,
        };
        look = changes.wait(patience);
    }
}

/// Puts in force what the inventory says now. Why that is not possible, if it is not.
fn put_in_force(agent: &Agent, source: &mut InventorySource, look: &Look) -> Option<String> {
    let result = source.read(look).and_then(|reading| {
        if let Some(reading) = reading {
            if agent.follow(reading)? {
                debug!("the inventory has changed");
            }
            source.is_used();
        }
        Ok(())
    });
    result.err().map(|error| error.to_string())
}

/// Watches the interfaces of what is in force until the agent ends.
pub(crate) fn interfaces(agent: &Agent) {
    let mut last_said = String::new();
    let mut trimmed: Option<Instant> = None;
    while !agent.is_ending().load(Ordering::Relaxed) {
        // What a start or an apply needed for a moment is a node's memory.
        if trimmed.is_none_or(|trimmed| trimmed.elapsed() > TRIM_PERIOD) {
            heap::trim();
            trimmed = Some(Instant::now());
        }
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
